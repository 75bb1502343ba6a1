//! What Linux says of a process: its time on the processors, its threads, its memory.

use std::fs;
use std::ops::Sub;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

/// Linux counts time in hundredths of a second on every common machine (`getconf CLK_TCK`).
const TICK: Duration = Duration::from_millis(10);

/// Counters of a process, at a moment. The difference of two tells what happened between them.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub at: Instant,
    /// In its own code.
    pub user: Duration,
    /// In the kernel, for it.
    pub system: Duration,
    /// Of its children that have ended.
    pub children: Duration,
    /// Of all processes of the machine, itself included, and of other machines on the same
    /// processors.
    pub machine: Duration,
}

/// What happened between two readings.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    pub lasted: Duration,
    pub user: Duration,
    pub system: Duration,
    pub children: Duration,
    pub machine: Duration,
}

impl Spent {
    /// Of the process itself.
    pub fn own(&self) -> Duration {
        self.user + self.system
    }

    /// Processors that were busy with so much work.
    pub fn cores(&self, work: Duration) -> f64 {
        work.as_secs_f64() / self.lasted.as_secs_f64()
    }
}

impl Sub for Reading {
    type Output = Spent;

    fn sub(self, before: Self) -> Spent {
        Spent {
            lasted: self.at - before.at,
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
            children: self.children.saturating_sub(before.children),
            machine: self.machine.saturating_sub(before.machine),
        }
    }
}

impl Reading {
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let fields = stat(pid)?;
        let ticks = |at: usize| -> anyhow::Result<Duration> {
            Ok(TICK * u32::try_from(field(&fields, at)?)?)
        };
        let machine = fs::read_to_string("/proc/stat").context("cannot read `/proc/stat`")?;
        // user, nice, system; idle and waiting are left out; interrupts; what other machines were
        // given
        let machine = machine
            .lines()
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .map(|count| count.parse::<u32>().unwrap_or(0));
        let machine: u32 = machine
            .enumerate()
            .filter(|(at, _)| [0, 1, 2, 5, 6, 7].contains(at))
            .map(|(_, count)| count)
            .sum();
        Ok(Self {
            at: Instant::now(),
            user: ticks(14)?,
            system: ticks(15)?,
            children: ticks(16)? + ticks(17)?,
            machine: TICK * machine,
        })
    }
}

/// How many threads a process has.
pub fn threads(pid: u32) -> anyhow::Result<u64> {
    field(&stat(pid)?, 20)
}

/// The memory of a process in KiB, what it shares with others counted in part (PSS).
pub fn pss_kib(pid: u32) -> anyhow::Result<u64> {
    let file = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read `{file}`"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.ok_or_else(|| anyhow!("`{file}` has no `Pss:`"))
}

/// The fields of `/proc/PID/stat` behind the program's name, which may hold anything; the first is
/// number 3.
fn stat(pid: u32) -> anyhow::Result<Vec<String>> {
    let file = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&file)
        .with_context(|| format!("cannot read `{file}`: has the process ended?"))?;
    let (_, fields) = text
        .rsplit_once(')')
        .with_context(|| format!("`{file}` is not as expected"))?;
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}

fn field(fields: &[String], number: usize) -> anyhow::Result<u64> {
    fields
        .get(number - 3)
        .and_then(|field| field.parse().ok())
        .ok_or_else(|| anyhow!("`stat` has no field {number}"))
}
