//! Where in an object a field is, written as Kubernetes writes it and as a patch needs it.

use std::fmt;

/// The way from the root of an object to one of its fields.
///
/// It prints as Kubernetes prints it, `spec.containers[0].image`, and is ordered as the fields are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath {
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    Field(&'static str),
    Index(usize),
}

impl FieldPath {
    /// The object itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The field of that name in the object at this path.
    #[must_use]
    pub fn field(&self, name: &'static str) -> Self {
        self.then(Step::Field(name))
    }

    /// The element of that index, from 0, in the array at this path.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    /// The path as a JSON pointer (RFC 6901), `/spec/containers/0/image`.
    pub fn pointer(&self) -> String {
        self.steps
            .iter()
            .map(|step| match step {
                Step::Field(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => format!("/{index}"),
            })
            .collect()
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = Vec::with_capacity(self.steps.len() + 1);
        steps.extend_from_slice(&self.steps);
        steps.push(step);
        Self { steps }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.steps.iter().enumerate() {
            match step {
                Step::Field(name) if position == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_kubernetes_and_as_a_patch_write_it() {
        let path = FieldPath::root()
            .field("spec")
            .field("volumes")
            .index(2)
            .field("image")
            .field("reference");
        assert_eq!(path.to_string(), "spec.volumes[2].image.reference");
        assert_eq!(path.pointer(), "/spec/volumes/2/image/reference");
    }

    #[test]
    fn what_a_pointer_reserves_is_escaped() {
        assert_eq!(FieldPath::root().field("a/b~c").pointer(), "/a~1b~0c");
    }

    #[test]
    fn indexes_are_ordered_as_numbers() {
        let list = FieldPath::root().field("containers");
        assert!(list.index(2) < list.index(10));
    }
}
