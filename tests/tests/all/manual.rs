//! `ghanti completions` and `ghanti man`: every command is in both, and the programs that they are
//! for take them.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::program;

fn written(arguments: &[&str]) -> String {
    let output = program().args(arguments).output().unwrap();
    let reported = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {reported}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that `ghanti --help` names.
fn commands() -> BTreeSet<String> {
    let help = written(&["--help"]);
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let lines = listed.lines().take_while(|line| line.starts_with("  "));
    let names = lines.map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").collect()
}

#[test]
fn shells_know_every_command() {
    let commands = commands();
    assert!(commands.contains("serve") && commands.contains("completions"));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = written(&["completions", shell]);
        let unknown: Vec<_> = commands
            .iter()
            .filter(|command| !script.contains(command.as_str()))
            .collect();
        assert!(unknown.is_empty(), "{shell}: {unknown:?}");
    }
    // what bash makes of the beginning of a word
    let script = written(&["completions", "bash"]);
    let asks = "\nCOMP_WORDS=(ghanti ser) COMP_CWORD=1\n_ghanti ghanti ser ghanti\necho \"${COMPREPLY[@]}\"\n";
    let mut bash = Command::new("bash")
        .arg("-s")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = bash.stdin.take().unwrap();
    input.write_all((script + asks).as_bytes()).unwrap();
    drop(input);
    let output = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "serve");
}

#[test]
fn every_command_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    written(&["man", "--out", folder.path().to_str().unwrap()]);
    let pages: BTreeSet<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for command in commands() {
        assert!(
            pages.contains(&format!("ghanti-{command}.1")),
            "{command}: {pages:?}"
        );
    }
    // of commands below commands as well, and of none that is hidden
    assert!(pages.contains("ghanti-config-print.1"), "{pages:?}");
    assert!(!pages.contains("ghanti-compile-component.1"), "{pages:?}");
    let page = fs::read_to_string(folder.path().join("ghanti.1")).unwrap();
    assert_eq!(page, written(&["man"]));
    for line in [".TH ghanti 1", ".SH NAME", ".SH SUBCOMMANDS"] {
        assert!(page.contains(line), "{line}");
    }
}
