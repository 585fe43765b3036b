//! `docs/attacks.md` keeps its word: every test that it names is there, every flaw has one, and no dependency is older
//! than the page says.
//!
//! A case is named `cases/NAME`, a behaviour of the hostile registry `hostile/NAME`. A test is named by its package's folder, then as cargo names it:
//! `registry::it::login::a_hostile_realm_is_not_asked` is in `crates/registry/tests/it/login.rs`, and
//! `registry::host::tests::nobody_leads_us_inward` in `crates/registry/src/host.rs`.

use super::Fault;
use super::tree::Tree;

const PAGE: &str = "docs/attacks.md";
/// Where the hostile registry's behaviours are named, each of which has to come to an expected verdict.
const BEHAVIOURS: &str = "hostile/src/behaviour.rs";
const LOCK: &str = "Cargo.lock";
/// The section whose flaws have no test yet.
const LATER: &str = "## Not yet on our surface";
/// The section whose rows are crates.
const CRATES: &str = "## Dependencies";
/// In place of a version: the crate must not be there at all.
const NEVER: &str = "never";
/// In place of a version: every version is affected, and none in a way that matters to us.
const WHATEVER: &str = "any";

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let Some(page) = tree.get(PAGE) else {
        return vec![Fault::at(
            PAGE,
            "missing: it lists the attacks that others suffered, and what stops each here",
        )];
    };
    let mut faults = Vec::new();
    let mut section = "";
    for (number, line) in (1..).zip(page.lines()) {
        if line.starts_with("## ") {
            section = line;
        }
        let fault = |what: String| Fault::on_line(PAGE, number, what);
        let Some(cells) = row(line) else { continue };
        if section == CRATES {
            faults.extend(dependency(tree, &cells).map(fault));
            continue;
        }
        let tests: Vec<&str> = code_spans(line).filter(|text| is_test(text)).collect();
        faults.extend(tests.iter().filter_map(|test| missing(tree, test)).map(fault));
        if section != LATER && tests.is_empty() {
            faults.push(fault(format!(
                "this flaw has no test: name the one that stops it, or move the row to `{LATER}`"
            )));
        }
    }
    faults
}

/// The cells of a line of a table that is neither its head nor the line under that.
fn row(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
    let is_head = cells[0] == "id" || cells[0] == "crate" || cells[0].starts_with("--");
    (!is_head).then_some(cells)
}

fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_test(text: &str) -> bool {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_:-/".contains(character);
    text.chars().all(is_plain)
        && (text.starts_with("cases/") || text.starts_with("hostile/") || text.split("::").count() > 2)
}

/// Why a test that is listed is none.
fn missing(tree: &Tree, test: &str) -> Option<String> {
    if let Some(case) = test.strip_prefix("cases/") {
        let file = format!("cases/data/{case}/expected.json");
        return tree.get(&file).is_none().then(|| {
            format!("there is no case `{case}` in cases/data: name the one that stops this attack, or make it")
        });
    }
    if let Some(behaviour) = test.strip_prefix("hostile/") {
        let known = tree.get(BEHAVIOURS).unwrap_or_default();
        return (!known.contains(&format!("\"{behaviour}\""))).then(|| {
            format!("the hostile registry has no behaviour `{behaviour}`: name one of {BEHAVIOURS}, or write it there")
        });
    }
    let (module, name) = test.rsplit_once("::")?;
    let files = files_of(tree, module);
    let Some(file) = files.iter().find(|file| tree.get(file).is_some()) else {
        return Some(format!(
            "`{test}` is in no file: looked for {}; a test is `PACKAGE::TARGET::MODULE::NAME`, or \
             `PACKAGE::MODULE::tests::NAME` beside the code",
            files.join(" and ")
        ));
    };
    let text = tree.get(file).unwrap_or_default();
    (!has_test(text, name))
        .then(|| format!("no test `{name}` is in {file}: name the one that stops this attack, or write it"))
}

/// Where the tests of a module may be, the likeliest first.
fn files_of(tree: &Tree, module: &str) -> Vec<String> {
    let mut segments = module.split("::");
    let package = segments.next().unwrap_or_default();
    let mut rest: Vec<&str> = segments.collect();
    let in_crates = format!("crates/{package}");
    let home = if tree.get(&format!("{in_crates}/Cargo.toml")).is_some() {
        in_crates
    } else {
        package.to_owned()
    };
    let target = format!("{home}/tests/{}", rest.first().unwrap_or(&""));
    if tree.get(&format!("{target}/main.rs")).is_some() {
        rest.remove(0);
        return of_module(&target, &rest, &["main.rs"]);
    }
    let src = format!("{home}/src");
    let mut files = of_module(&src, &rest, &["lib.rs", "main.rs"]);
    if rest.last() == Some(&"tests") {
        rest.pop();
        files.extend(of_module(&src, &rest, &["lib.rs", "main.rs"]));
    }
    files
}

fn of_module(folder: &str, segments: &[&str], roots: &[&str]) -> Vec<String> {
    if segments.is_empty() {
        return roots.iter().map(|root| format!("{folder}/{root}")).collect();
    }
    let path = format!("{folder}/{}", segments.join("/"));
    vec![format!("{path}.rs"), format!("{path}/mod.rs")]
}

/// Whether there is a function of this name with an attribute that makes it a test.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_it = |line: &str| {
        let declared = line.trim_start_matches("async ").strip_prefix("fn ");
        declared
            .and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with('('))
    };
    let is_marked = |at: usize| {
        let above = lines[..at].iter().rev();
        let mut beside = above.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        beside.any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    };
    lines.iter().enumerate().any(|(at, line)| is_it(line) && is_marked(at))
}

/// What is wrong with the version of a crate: `| crate | advisory | what | from |`.
fn dependency(tree: &Tree, cells: &[&str]) -> Option<String> {
    let (name, from) = (cells.first()?.trim_matches('`'), cells.last()?.trim_matches('`'));
    let locked = locked(tree.get(LOCK).unwrap_or_default(), name);
    if from == NEVER {
        let version = locked.first()?;
        return Some(format!(
            "{LOCK} holds `{name}` {version}, which must never be: see who brings it with `cargo tree -i {name}`"
        ));
    }
    if from == WHATEVER {
        return None;
    }
    let Some(least) = parsed(from) else {
        return Some(format!("`{from}` is neither a version nor `{NEVER}` nor `{WHATEVER}`"));
    };
    let old = locked
        .iter()
        .find(|version| parsed(version).is_none_or(|found| found < least))?;
    Some(format!(
        "{LOCK} holds `{name}` {old}, and only {from} is mended: run `cargo update -p {name}`"
    ))
}

fn locked<'a>(lock: &'a str, name: &str) -> Vec<&'a str> {
    let entry = format!("name = \"{name}\"");
    let lines: Vec<&str> = lock.lines().collect();
    let version = |pair: &[&'a str]| pair[1].strip_prefix("version = \"")?.strip_suffix('"');
    lines
        .windows(2)
        .filter(|pair| pair[0] == entry)
        .filter_map(version)
        .collect()
}

/// The three numbers, and whether it is a release: what comes before one is older.
fn parsed(version: &str) -> Option<([u64; 3], bool)> {
    let version = version.split('+').next()?;
    let (numbers, is_release) = match version.split_once('-') {
        Some((numbers, _)) => (numbers, false),
        None => (version, true),
    };
    let numbers: Vec<u64> = numbers
        .split('.')
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    Some((numbers.try_into().ok()?, is_release))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: &str = "//! doc\n/// Why.\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn it_holds() {}\n\
                         #[test]\n#[cfg(unix)]\nfn it_holds_here() {}\n\nfn no_test() {}\n";

    fn faults(page: &str) -> Vec<String> {
        let tree = Tree::of(&[
            (PAGE, page),
            (
                LOCK,
                "name = \"old\"\nversion = \"0.9.9\"\n\nname = \"old\"\nversion = \"1.2.3\"\n",
            ),
            ("cases/data/forged-deny/expected.json", "{}"),
            (BEHAVIOURS, "MovedTag \"moved-tag\" \"…\""),
            ("crates/door/Cargo.toml", ""),
            ("crates/door/src/lib.rs", TESTS),
            ("crates/door/src/lock/tests.rs", TESTS),
            ("crates/door/src/hinge.rs", TESTS),
            ("crates/door/tests/it/main.rs", TESTS),
            ("crates/door/tests/it/knock/mod.rs", TESTS),
            ("acceptance/tests/it/main.rs", ""),
            ("acceptance/tests/it/pods.rs", TESTS),
        ]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    fn listed(test: &str) -> Vec<String> {
        faults(&format!(
            "# Attacks\n\n| id | flaw | stopped by |\n|---|---|---|\n| 1 | bad | so: `{test}` |\n"
        ))
    }

    #[test]
    fn a_listed_test_that_is_there_is_no_fault() {
        for test in [
            "cases/forged-deny",
            "hostile/moved-tag",
            "door::tests::it_holds",
            "door::lock::tests::it_holds",
            "door::hinge::tests::it_holds_here",
            "door::it::it_holds",
            "door::it::knock::it_holds",
            "acceptance::it::pods::it_holds",
        ] {
            assert_eq!(listed(test), [""; 0], "{test}");
        }
    }

    #[test]
    fn a_listed_test_that_is_missing_is_a_fault_with_its_line() {
        for (test, says) in [
            ("cases/forged-admit", "no case `forged-admit`"),
            ("hostile/moved", "no behaviour `moved`"),
            (
                "door::it::knock::it_held",
                "no test `it_held` is in crates/door/tests/it/knock/mod.rs",
            ),
            ("door::it::knock::it_hold", "no test `it_hold`"),
            ("door::it::knock::no_test", "no test `no_test`"),
            (
                "door::it::ring::it_holds",
                "looked for crates/door/tests/it/ring.rs and",
            ),
            (
                "window::it::pane::it_holds",
                "`window::it::pane::it_holds` is in no file",
            ),
        ] {
            let faults = listed(test);
            assert_eq!(faults.len(), 1, "{test}: {faults:?}");
            assert!(
                faults[0].starts_with("docs/attacks.md:5: ") && faults[0].contains(says),
                "{}",
                faults[0]
            );
        }
    }

    #[test]
    fn a_flaw_without_a_test_is_a_fault_where_it_can_be_suffered() {
        let row = "| 1 | bad | somehow, as `Verdict::Admit` has a ground |\n";
        let page = |section: &str| format!("{section}\n\n| id | flaw | stopped by |\n|---|---|---|\n{row}");
        assert_eq!(faults(&page("## Kyverno")).len(), 1);
        assert_eq!(faults(&page(LATER)), [""; 0]);
    }

    #[test]
    fn a_dependency_that_is_too_old_is_a_fault() {
        let faults = |row: &str| {
            faults(&format!(
                "{CRATES}\n\n| crate | advisory | what | from |\n|---|---|---|---|\n{row}\n"
            ))
        };
        for fine in [
            "| `old` | A | b | 0.9.9 |",
            "| `old` | A | b | any |",
            "| `absent` | A | b | never |",
        ] {
            assert_eq!(faults(fine), [""; 0], "{fine}");
        }
        for (row, says) in [
            ("| `old` | A | b | 0.10.0 |", "`old` 0.9.9, and only 0.10.0 is mended"),
            ("| `old` | A | b | never |", "must never be"),
            ("| `old` | A | b | soon |", "`soon` is neither a version"),
        ] {
            let faults = faults(row);
            assert!(faults.len() == 1 && faults[0].contains(says), "{row}: {faults:?}");
        }
        assert!(parsed("1.0.0-rc.1") < parsed("1.0.0") && parsed("0.104.0-alpha.5") > parsed("0.103.13"));
    }

    #[test]
    fn the_page_itself_is_demanded() {
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}
