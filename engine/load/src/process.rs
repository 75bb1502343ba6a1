//! Measures a process from outside, on Linux: its processor time, memory, descriptors and threads; and
//! finds the process that listens at an address.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

/// The length of Linux' unit of time on every common machine (`getconf CLK_TCK`).
const TICK_MS: u64 = 10;

/// The state of a listening socket in `/proc/net/tcp`.
const LISTENS: &str = "0A";

/// Counters of a process at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The moment.
    pub at: Instant,
    /// Its time on the processors, in its own code and in the kernel.
    pub own: Duration,
    /// The kernel's part of that.
    pub kernel: Duration,
    /// That of its children that have ended.
    pub children: Duration,
}

impl Reading {
    /// Reads a process' counters.
    ///
    /// # Errors
    /// It has ended.
    pub fn of(pid: u32) -> io::Result<Self> {
        let fields = stat(pid)?;
        let ticks =
            |number| field(&fields, number).map(|ticks| Duration::from_millis(ticks * TICK_MS));
        let kernel = ticks(15)?;
        Ok(Self {
            at: Instant::now(),
            own: ticks(14)? + kernel,
            kernel,
            children: ticks(16)? + ticks(17)?,
        })
    }
}

/// The time of all processes of the machine on its processors, and of other machines that share them.
///
/// # Errors
/// There is no `/proc`.
pub fn machine_busy() -> io::Result<Duration> {
    let text = fs::read_to_string("/proc/stat")?;
    let first = text.lines().next().unwrap_or_default();
    let counts = first.split_whitespace().skip(1).enumerate();
    // user, nice, system; idle and waiting are left out; interrupts; what others were given
    let busy = counts.filter(|(at, _)| [0, 1, 2, 5, 6, 7].contains(at));
    let ticks: u64 = busy
        .filter_map(|(_, count)| count.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(ticks * TICK_MS))
}

/// How many threads a process has.
///
/// # Errors
/// It has ended.
pub fn threads(pid: u32) -> io::Result<u64> {
    field(&stat(pid)?, 20)
}

/// The memory of a process in KiB, shared pages counted proportionally (PSS).
///
/// # Errors
/// It has ended, or is another user's.
pub fn pss_kib(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.ok_or_else(|| io::Error::other("no `Pss:`"))
}

/// How many descriptors a process has open.
///
/// # Errors
/// It has ended, or is another user's.
pub fn descriptors(pid: u32) -> io::Result<u64> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64)
}

/// The process that listens at an address of this machine, if it may be seen.
pub fn listener(address: SocketAddr) -> Option<u32> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| inode_of(&table, address))?;
    let socket = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .find(|pid: &u32| {
            let descriptors = fs::read_dir(format!("/proc/{pid}/fd"));
            descriptors.into_iter().flatten().flatten().any(|entry| {
                fs::read_link(entry.path())
                    .is_ok_and(|target| target.as_os_str() == socket.as_str())
            })
        })
}

/// The inode of the socket that listens at an address, in a table of the kernel's.
fn inode_of(table: &str, address: SocketAddr) -> Option<u64> {
    let is_here = |ip: IpAddr| {
        ip == address.ip().to_canonical()
            // a socket for all addresses also accepts connections to this one
            || (ip.is_unspecified() && address.ip().is_loopback())
    };
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let local = address_of(fields.get(1)?)?;
        let listens = *fields.get(3)? == LISTENS;
        let is_it = listens && local.port() == address.port() && is_here(local.ip().to_canonical());
        is_it.then(|| fields.get(9)?.parse().ok()).flatten()
    })
}

/// An address as the kernel writes it: words of 32 bits in its own order, in hexadecimal.
fn address_of(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let text = ip.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(text, 16).ok().map(u32::to_ne_bytes)
    };
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The fields of `/proc/PID/stat` after the program's name, which may contain anything; the first is
/// number 3.
fn stat(pid: u32) -> io::Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = text.rsplit_once(')').map(|(_, fields)| fields);
    Ok(fields
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect())
}

fn field(fields: &[String], number: usize) -> io::Result<u64> {
    fields
        .get(number - 3)
        .and_then(|field| field.parse().ok())
        .ok_or_else(|| io::Error::other(format!("`stat` has no field {number}")))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn this_process_is_found_by_its_listening_socket() {
        for ip in ["127.0.0.1", "0.0.0.0"] {
            let listening = TcpListener::bind((ip, 0)).unwrap();
            let port = listening.local_addr().unwrap().port();
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            assert_eq!(listener(address), Some(std::process::id()), "{ip}");
            // the port is another machine's
            assert_eq!(listener(SocketAddr::from(([192, 0, 2, 1], port))), None);
        }
    }

    #[test]
    fn this_process_has_time_memory_threads_and_descriptors() {
        let pid = std::process::id();
        let before = Reading::of(pid).unwrap();
        let began = Instant::now();
        let mut sum: u64 = 0;
        while began.elapsed() < Duration::from_millis(120) {
            sum = std::hint::black_box(sum.wrapping_mul(31) + 1);
        }
        let spent = Reading::of(pid).unwrap().own - before.own;
        assert!(spent >= Duration::from_millis(30), "{spent:?}");
        assert!(pss_kib(pid).unwrap() > 100 && threads(pid).unwrap() >= 1);
        let open = descriptors(pid).unwrap();
        let _file = fs::File::open("/proc/self/stat").unwrap();
        assert!(descriptors(pid).unwrap() > open.saturating_sub(8));
        assert!(machine_busy().unwrap() >= spent);
    }
}
