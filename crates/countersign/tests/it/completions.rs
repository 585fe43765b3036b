//! Completion scripts.

use crate::rig::Folder;

#[test]
fn there_is_a_script_for_each_shell() {
    let folder = Folder::new();
    for (shell, mark) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef countersign"),
        ("fish", "complete -c countersign"),
    ] {
        let ran = folder.run(&["completions", shell]).with_code(0);
        assert!(ran.stdout.contains(mark), "{shell} has no `{mark}`");
        for command in ["quickstart", "verify", "policy", "completions"] {
            assert!(ran.stdout.contains(command), "{shell} does not complete `{command}`");
        }
        assert!(ran.stderr.is_empty(), "{ran}");
    }
}
