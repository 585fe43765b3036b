//! The patch that pins: it replaces image strings where they stand, and touches nothing else.

use serde_json::json;

use crate::FieldPath;

/// A JSON patch (RFC 6902) of `replace` operations on the object as the API server sent it. What it does not name, known
/// to us or not, stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    replacements: Vec<(FieldPath, String)>,
}

impl Patch {
    /// Writes each string at its path.
    pub fn pin(replacements: &[(FieldPath, String)]) -> Self {
        Self {
            replacements: replacements.to_vec(),
        }
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.replacements.is_empty()
    }

    /// What is written where, in order.
    pub fn replacements(&self) -> &[(FieldPath, String)] {
        &self.replacements
    }

    /// The patch as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let operations: Vec<_> = self
            .replacements
            .iter()
            .map(|(path, text)| json!({"op": "replace", "path": path.pointer(), "value": text}))
            .collect();
        json!(operations).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_one_replace_operation() {
        let path = FieldPath::root()
            .field("spec")
            .field("containers")
            .index(0)
            .field("image");
        let patch = Patch::pin(&[(path, "app:1@sha256:00".to_owned())]);
        assert_eq!(
            String::from_utf8(patch.to_json()).unwrap(),
            r#"[{"op":"replace","path":"/spec/containers/0/image","value":"app:1@sha256:00"}]"#
        );
        assert!(!patch.is_empty());
    }

    #[test]
    fn nothing_to_pin_is_an_empty_patch() {
        let patch = Patch::pin(&[]);
        assert!(patch.is_empty());
        assert_eq!(patch.to_json(), b"[]");
    }
}
