//! Runs the command that builds a plugin, in a process group of its own and bounded in time and
//! output. Dropping the future kills it.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use ghanti_model::FlowName;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::project::Project;

/// Timeout of a build. A first build fetches and compiles dependencies.
pub const LONGEST: Duration = Duration::from_secs(600);

/// Maximum size of the output that is kept; the rest is only counted. The first error is the important one.
const OUTPUT_BYTES: usize = 64 << 10;

/// The environment variable with the path of this program: the command uses it to build flows in script languages.
const PROGRAM: &str = "GHANTI_PROGRAM";

/// How long a process that outlives the build may hold its output open.
const LINGER: Duration = Duration::from_millis(500);

/// The result of a build.
#[derive(Debug)]
pub struct Built {
    /// How it ended.
    pub end: BuildEnd,
    /// Its output.
    pub output: Output,
    /// How long it took.
    pub took: Duration,
}

/// How a build ended.
#[derive(Debug)]
pub enum BuildEnd {
    /// The result of a command.
    Command(End),
    /// A build by this program, which succeeded.
    Done,
    /// A build by this program, which failed; its output says why.
    Failed,
}

/// How a command ended.
#[derive(Debug)]
pub enum End {
    /// It exited by itself.
    Ended(ExitStatus),
    /// It exceeded its timeout and was killed.
    TooLong(Duration),
    /// It could not be started.
    NotRun(io::Error),
}

/// The output of a build: stdout and stderr, in order.
#[derive(Debug, Default)]
pub struct Output {
    /// The beginning of the output.
    pub text: Vec<u8>,
    /// The number of further bytes that were dropped.
    pub left_out: usize,
}

impl Built {
    /// Whether the command exited successfully.
    pub fn is_ok(&self) -> bool {
        match &self.end {
            BuildEnd::Command(End::Ended(status)) => status.success(),
            BuildEnd::Done => true,
            BuildEnd::Failed | BuildEnd::Command(End::TooLong(_) | End::NotRun(_)) => false,
        }
    }
}

/// Builds a plugin with a command for `sh`, which receives the plugin's name as `$1` and the folder
/// of flows as `$2`. Dropping the future kills the command and all processes that it started.
pub async fn build(
    command: &str,
    project: &Project,
    plugin: &FlowName,
    longest: Duration,
) -> Built {
    let began = Instant::now();
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", command, "build", plugin.as_str()])
        .arg(&project.flows)
        .current_dir(&project.root);
    if let Ok(program) = std::env::current_exe() {
        shell.env(PROGRAM, program);
    }
    let (end, output) = run(shell, longest).await;
    Built {
        end: BuildEnd::Command(end),
        output,
        took: began.elapsed(),
    }
}

/// Runs a command to its end, without input. Dropping the future kills it and all processes that it
/// started.
pub async fn run(command: std::process::Command, longest: Duration) -> (End, Output) {
    let mut output = Output::default();
    let end = match bounded(command, longest, &mut output).await {
        Ok(end) => end,
        Err(error) => End::NotRun(error),
    };
    (end, output)
}

async fn bounded(
    mut command: std::process::Command,
    longest: Duration,
    output: &mut Output,
) -> io::Result<End> {
    let (reader, writer) = io::pipe()?;
    let mut reader = pipe::Receiver::from_owned_fd(reader.into())?;
    // authors need the compiler's message, not a backtrace of the compiler itself
    command.env("RUST_BACKTRACE", "0");
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0);
    let mut command = Command::from(command);
    let mut group = Group(command.kill_on_drop(true).spawn()?);
    // the command holds the write end as well, so the reader would never see its end
    drop(command);
    let ended = tokio::time::timeout(longest, group.listen(&mut reader, output)).await;
    let end = match ended {
        Ok(status) => End::Ended(status?),
        Err(_) => End::TooLong(longest),
    };
    group.end();
    let _ = tokio::time::timeout(LINGER, output.read(&mut reader)).await;
    Ok(end)
}

/// A child process and all processes in its group.
struct Group(Child);

impl Group {
    /// Reads output until the process exits.
    async fn listen(
        &mut self,
        reader: &mut pipe::Receiver,
        output: &mut Output,
    ) -> io::Result<ExitStatus> {
        let mut is_open = true;
        loop {
            tokio::select! {
                status = self.0.wait() => return status,
                read = output.piece(reader), if is_open => is_open = read?,
            }
        }
    }

    /// Kills the group, unless the process was already waited for: its id may then have been
    /// reused.
    fn end(&self) {
        if let Some(group) = self
            .0
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
        {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

impl Output {
    /// Reads to the end.
    async fn read(&mut self, reader: &mut pipe::Receiver) -> io::Result<()> {
        while self.piece(reader).await? {}
        Ok(())
    }

    /// Reads what is available, waiting for some if necessary. Returns whether there may be more.
    /// Cancel-safe.
    async fn piece(&mut self, reader: &mut pipe::Receiver) -> io::Result<bool> {
        let mut piece = [0; 4 << 10];
        let read = reader.read(&mut piece).await?;
        let room = OUTPUT_BYTES.saturating_sub(self.text.len()).min(read);
        self.text
            .extend_from_slice(piece.get(..room).unwrap_or_default());
        self.left_out += read - room;
        Ok(read > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    struct Fixture {
        folder: tempfile::TempDir,
        project: Project,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("plugins")).unwrap();
            let project =
                Project::find(&folder.path().join("plugins"), Path::new("/flows of mine")).unwrap();
            Self { folder, project }
        }

        async fn build(&self, command: &str, longest: Duration) -> Built {
            build(
                command,
                &self.project,
                &FlowName::parse("emi").unwrap(),
                longest,
            )
            .await
        }

        fn is_alive(&self) -> bool {
            let id: i32 = fs::read_to_string(self.folder.path().join("id"))
                .unwrap()
                .trim()
                .parse()
                .unwrap();
            // a process that nobody has waited for yet is a zombie
            let state = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            state
                .rsplit(')')
                .next()
                .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
        }

        async fn until_dead(&self) {
            let given_up = Instant::now() + LONG;
            while self.is_alive() {
                assert!(Instant::now() < given_up, "the process is still alive");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_command_gets_plugin_and_flows_and_its_output_is_in_order() {
        let fixture = Fixture::new();
        let built = fixture
            .build(
                r#"echo "$1 into $2"; echo "in $PWD" >&2; [ -x "$GHANTI_PROGRAM" ] && echo done; exit 3"#,
                LONG,
            )
            .await;
        let root = fixture.folder.path().canonicalize().unwrap();
        assert_eq!(
            String::from_utf8(built.output.text).unwrap(),
            format!("emi into /flows of mine\nin {}\ndone\n", root.display())
        );
        assert!(
            matches!(built.end, BuildEnd::Command(End::Ended(status)) if status.code() == Some(3)),
            "{:?}",
            built.end
        );
    }

    #[tokio::test]
    async fn a_build_that_takes_too_long_is_killed_with_its_children() {
        let fixture = Fixture::new();
        let mut longest = Duration::from_millis(500);
        // on a busy machine the shell may be killed before it has started anything
        let built = loop {
            let built = fixture
                .build("sleep 600 & echo $! >id; wait", longest)
                .await;
            if fs::read_to_string(fixture.folder.path().join("id"))
                .is_ok_and(|id| !id.trim().is_empty())
            {
                break built;
            }
            longest *= 2;
        };
        assert!(
            matches!(built.end, BuildEnd::Command(End::TooLong(_))),
            "{:?}",
            built.end
        );
        fixture.until_dead().await;
    }

    #[tokio::test]
    async fn dropping_a_build_kills_its_children() {
        let fixture = Fixture::new();
        let wait_for_id = async {
            while fs::read_to_string(fixture.folder.path().join("id"))
                .unwrap_or_default()
                .is_empty()
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            built = fixture.build("sleep 600 & echo $! >id; wait", LONG) => panic!("{built:?}"),
            () = wait_for_id => {}
        }
        fixture.until_dead().await;
    }

    #[tokio::test]
    async fn output_is_bounded_and_a_lingering_child_is_not_waited_for() {
        let fixture = Fixture::new();
        let built = fixture
            .build(
                "head -c 1000000 /dev/zero | tr '\\0' x; sleep 600 & echo $! >id",
                LONG,
            )
            .await;
        assert!(built.is_ok() && built.took < LONG, "{:?}", built.end);
        assert_eq!(
            (built.output.text.len(), built.output.left_out),
            (OUTPUT_BYTES, 1_000_000 - OUTPUT_BYTES)
        );
        let id = fs::read_to_string(fixture.folder.path().join("id")).unwrap();
        std::process::Command::new("kill")
            .arg(id.trim())
            .status()
            .unwrap();
    }
}
