# What a token needs to sign images with the key `release`, and nothing else. For another key or engine, change `release` and
# `transit` in every path. The acceptance suite signs with exactly this file.

# A SHA-256 that the client made, of a key of type ecdsa-p256, ecdsa-p384 or rsa-*. Another hash, a message that the vault
# would hash, and batches are refused.
path "transit/sign/release/sha2-256" {
  capabilities        = ["update"]
  required_parameters = ["input", "prehashed", "key_version"]
  allowed_parameters = {
    "input"                = []
    "prehashed"            = [true]
    "key_version"          = []
    "marshaling_algorithm" = ["asn1"]
    "signature_algorithm"  = ["pkcs1v15"]
  }
}

# The public half, and the flags that say whether the private one can leave.
path "transit/keys/release" {
  capabilities = ["read"]
}

# The token's own life, and the question what else it may do: countersign warns if that is more than this file says.
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "sys/capabilities-self" {
  capabilities = ["update"]
}
