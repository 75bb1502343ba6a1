//! The console beside many live calls and a full database: how soon each page is there, and how late the bot's frames are while pages are read,
//! followed, and followed by browsers that read nothing, against the same calls with nothing else, in one run.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use ghanti_load::speech::Frames;
use serde_json::Value as Json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::callers::{Callers, FRAMES};
use crate::calls::SAME_NAME;
use crate::filled::{ATTEMPTS, CALLS as STORED, CAMPAIGN, CUSTOMERS, Known, fill};
use crate::phases::{Phase, print};
use crate::server::Server;
use crate::table::{Table, figure};

/// Live calls, unless `CONSOLE_CALLS` says another number.
const CALLS: usize = 1_000;
const CALLS_VARIABLE: &str = "CONSOLE_CALLS";
/// Calls that begin in a second.
const CALLS_PER_S: f64 = 20.0;
/// Frames as a browser's telephone and applets of a larger chunk size send them: callers share the processors, and so many with
/// frames of 20 ms would leave the engine none.
const FRAME_MS: u64 = 100;
/// How long a phase lasts: several samples of the load generator.
const PHASE: Duration = Duration::from_secs(12);
/// How often each page is asked for.
const ROUNDS: usize = 100;
/// After this time no page is asked for again, however often it was.
const ASKED: Duration = Duration::from_secs(90);
/// Browsers that follow what goes on: as many as may, but for some.
const FOLLOWERS: usize = 60;
/// What a browser that reads nothing takes from the wire, in bytes.
const TAKES: u32 = 4_096;
/// Connections beside those of the calls.
const CONNECTIONS: u32 = 4_000;
/// What each page is to keep to.
const BOUND_MS: f64 = 200.0;
/// Longer than all phases.
const LASTS: Duration = Duration::from_secs(600);

/// How soon a page was there, each time.
struct Asked {
    page: &'static str,
    ms: Vec<f64>,
    bytes: usize,
    /// How often it was not there: a store that did not answer, for one.
    refused: usize,
}

/// Prints the tables.
pub async fn run() -> anyhow::Result<()> {
    let calls = match std::env::var(CALLS_VARIABLE) {
        Ok(text) => text.parse().context(CALLS_VARIABLE)?,
        Err(_) => CALLS,
    };
    eprintln!("bench: a database of {STORED} calls, then {calls} live calls and the console ...");
    let folder = tempfile::tempdir()?;
    let known = fill(&folder.path().join("data")).await?;
    // callers and browsers have one address, and each call asks the applets by a connection of its own
    let places = format!(
        "max-calls = {}\nconnections = {CONNECTIONS}\nconnections-per-address = {CONNECTIONS}",
        calls + 50
    );
    let server = Server::start_in(folder, "none", &places).await?;
    let stop = CancellationToken::new();
    let frames = Frames {
        ms: FRAME_MS,
        ..FRAMES
    };
    let callers =
        Callers::with_frames(frames, "silent", SAME_NAME, CALLS_PER_S, stop.clone()).await?;
    let (run, looked) = tokio::join!(
        callers.call(&server, calls, LASTS),
        look(&server, &known, calls, stop.drop_guard())
    );
    let (run, (phases, asked)) = (run?, looked?);
    pages(&asked, calls);
    print(
        &format!("{calls} calls at once, frames of {FRAME_MS} ms; meanwhile"),
        "requests",
        &phases,
        &run,
    );
    let counts = run.counts;
    println!(
        "  - calls: {} offered, {} as expected, {} refused, {} lost",
        counts.offered,
        counts.good,
        counts.refused,
        counts.lost()
    );
    for (problem, count) in &run.problems {
        println!("  - PROBLEM: {problem}: {count}");
    }
    Ok(())
}

/// Does it phase by phase once all calls run, and ends the calls after the last one.
async fn look(
    server: &Server,
    known: &Known,
    calls: usize,
    _ends_calls: DropGuard,
) -> anyhow::Result<(Vec<Phase>, Vec<Asked>)> {
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs_f64(calls as f64 / CALLS_PER_S + 5.0)).await;
    let (mut phases, mut asked) = (Vec::new(), Vec::new());
    for (number, name) in [
        "nothing",
        "all pages are asked for, one by one",
        "60 browsers follow and read",
        "60 browsers follow and read nothing",
        "nothing again",
    ]
    .into_iter()
    .enumerate()
    {
        let from_s = began.elapsed().as_secs_f64();
        let count = match number {
            1 => {
                asked = ask(server, known).await?;
                asked.iter().map(|asked| asked.ms.len()).sum()
            }
            2 => follow(server, true).await?,
            3 => follow(server, false).await?,
            _ => {
                tokio::time::sleep(PHASE).await;
                0
            }
        };
        phases.push(Phase {
            name,
            from_s,
            to_s: began.elapsed().as_secs_f64(),
            count,
        });
    }
    Ok((phases, asked))
}

/// Asks for every page, in turns.
async fn ask(server: &Server, known: &Known) -> anyhow::Result<Vec<Asked>> {
    let http = ghanti_sim::http::client()?.build()?;
    let url = |below: &str| format!("{}/console/{below}", server.base_url());
    let live: Json = http
        .get(format!("{}/api/now?limit=1", server.base_url()))
        .send()
        .await?
        .json()
        .await?;
    let live = live
        .pointer("/calls/0/call_id")
        .and_then(Json::as_str)
        .context("no call is live")?;
    let phone = known.phone.trim_start_matches('+');
    let pages = [
        ("Now", String::new()),
        ("Calls", "calls".to_owned()),
        (
            "Calls of a flow that went wrong",
            "calls?flow=emi-reminder&problems=true".to_owned(),
        ),
        ("Calls of a number", format!("calls?q=%2B{phone}")),
        (
            "Calls of an outcome that none has",
            "calls?outcome=voicemail".to_owned(),
        ),
        ("Calls before a day", "calls?until=2026-10-01".to_owned()),
        ("A call that is over", format!("calls/{}", known.call)),
        ("A live call", format!("calls/{live}")),
        ("A customer", format!("calls/{}/customer", known.call)),
        ("Campaigns", "campaigns".to_owned()),
        ("A campaign", format!("campaigns/{CAMPAIGN}")),
        ("New campaign", "new-campaign".to_owned()),
        ("Customers", "customers".to_owned()),
        ("Import", "import".to_owned()),
        ("Flows", "flows".to_owned()),
        ("Set-up", "setup".to_owned()),
        ("Telephone", "telephone".to_owned()),
        ("Audit log", "audit".to_owned()),
    ];
    let mut asked: Vec<Asked> = pages
        .iter()
        .map(|(page, _)| Asked {
            page,
            ms: Vec::new(),
            bytes: 0,
            refused: 0,
        })
        .collect();
    let began = Instant::now();
    for _ in 0..ROUNDS {
        if began.elapsed() > ASKED {
            break;
        }
        for ((page, below), asked) in pages.iter().zip(&mut asked) {
            let began = Instant::now();
            let answer = async {
                let answer = http.get(url(below)).send().await?;
                answer.error_for_status()?.bytes().await
            };
            match answer.await {
                Ok(body) => asked.bytes = body.len(),
                Err(error) => {
                    eprintln!("bench: {page}: {error}");
                    asked.refused += 1;
                }
            }
            asked.ms.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(asked)
}

/// Browsers that follow what goes on for a phase.
async fn follow(server: &Server, do_read: bool) -> anyhow::Result<usize> {
    let address: SocketAddr = server.base_url().trim_start_matches("http://").parse()?;
    let mut followers = tokio::task::JoinSet::new();
    for _ in 0..FOLLOWERS {
        let socket = TcpSocket::new_v4()?;
        if !do_read {
            socket.set_recv_buffer_size(TAKES)?;
        }
        let mut stream = socket.connect(address).await?;
        let request = format!("GET /console/now HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        followers.spawn(followed(stream, do_read));
    }
    let mut parts = 0;
    while let Some(followed) = followers.join_next().await {
        parts += followed??;
    }
    ensure!(
        !do_read || parts > FOLLOWERS,
        "nothing came to the browsers"
    );
    Ok(FOLLOWERS)
}

/// How many parts came to a browser within a phase; none to one that reads nothing.
async fn followed(stream: TcpStream, do_read: bool) -> anyhow::Result<usize> {
    let until = tokio::time::Instant::now() + PHASE;
    if !do_read {
        tokio::time::sleep_until(until).await;
        return Ok(0);
    }
    let mut parts = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(until) => return Ok(parts),
            readable = stream.readable() => readable?,
        }
        match stream.try_read(&mut buffer) {
            Ok(0) => anyhow::bail!("the engine has ended what a browser follows"),
            Ok(read) => {
                let text = String::from_utf8_lossy(buffer.get(..read).unwrap_or_default());
                parts += text.matches("event: part").count();
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn pages(asked: &[Asked], calls: usize) {
    let heading = format!(
        "the console with {calls} live calls, {STORED} calls, a list of {CUSTOMERS} customers and {ATTEMPTS} attempts in the database (SQLite); each page up to {ROUNDS} times"
    );
    let mut table = Table::new(&heading, &["p50", "p99", "worst", "KiB", "not there", ""]);
    for Asked {
        page,
        ms,
        bytes,
        refused,
    } in asked
    {
        let mut sorted = ms.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let nth = (sorted.len() as f64 * share).ceil() as usize;
            sorted
                .get(nth.saturating_sub(1))
                .copied()
                .unwrap_or_default()
        };
        let worst = at(1.0);
        table.row(
            page,
            [
                format!("{} ms", figure(at(0.5))),
                format!("{} ms", figure(at(0.99))),
                format!("{} ms", figure(worst)),
                figure(*bytes as f64 / 1024.0),
                refused.to_string(),
                if at(0.99) > BOUND_MS {
                    "over 200 ms"
                } else {
                    ""
                }
                .to_owned(),
            ],
        );
    }
    table.note("not there: an error in place of the page, such as a database that did not answer within a second");
    table.note("from the request to the last byte, asked for by a program that shares the processors with the callers");
    table.print();
}
