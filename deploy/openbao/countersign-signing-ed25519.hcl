# The same for a key of type ed25519, which signs whole messages: there is no hash to hold it to.
path "transit/sign/release" {
  capabilities        = ["update"]
  required_parameters = ["input", "key_version"]
  allowed_parameters = {
    "input"       = []
    "key_version" = []
  }
}
path "transit/keys/release" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "sys/capabilities-self" {
  capabilities = ["update"]
}
