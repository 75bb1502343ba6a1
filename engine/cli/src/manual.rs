//! `ghanti completions` and `ghanti man`: shell completions and manual pages, generated from the
//! commands' definitions.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Command};
use clap_complete::Shell;

/// Write a shell's completion script
///
/// For bash into /usr/share/bash-completion/completions/ghanti, for zsh into a folder of `fpath` as
/// _ghanti, for fish into ~/.config/fish/completions/ghanti.fish.
#[derive(Args)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    /// Writes those of a program to standard output.
    pub fn run(self, mut program: Command) -> anyhow::Result<ExitCode> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut program, "ghanti", &mut text);
        io::stdout().write_all(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Write the manual: ghanti(1), or with `--out` the page of every command
#[derive(Args)]
pub struct Manual {
    /// The folder for all pages, such as /usr/local/share/man/man1
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Manual {
    /// Writes one page of a program to standard output, or all into a folder.
    pub fn run(self, program: Command) -> anyhow::Result<ExitCode> {
        match self.out {
            None => {
                // as `generate_to` has it
                let mut program = program.disable_help_subcommand(true);
                program.build();
                let mut text = Vec::new();
                clap_mangen::Man::new(program).render(&mut text)?;
                io::stdout().write_all(&text)?;
            }
            Some(folder) => {
                let cannot = || format!("cannot write manual pages into `{}`", folder.display());
                std::fs::create_dir_all(&folder).with_context(cannot)?;
                clap_mangen::generate_to(program, &folder).with_context(cannot)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
