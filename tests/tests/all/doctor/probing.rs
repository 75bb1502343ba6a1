//! `ghanti doctor --probe`: a proxy with TLS in front of the engine, rightly and wrongly set up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{Case, right_config};
use crate::outbound::Exotel;
use crate::support::{Engine, Setup, program, root};

/// How the proxy treats a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passes {
    /// It passes everything on.
    Everything,
    /// It answers handshakes of WebSockets itself, with 400.
    NoUpgrade,
    /// It answers everything itself.
    Nothing,
}

fn certificate(name: &str) -> PathBuf {
    root().join("tests/servers/certificates").join(name)
}

/// A proxy with TLS at 127.0.0.1, of which the certificate is.
async fn proxy(listener: TcpListener, engine: SocketAddr, passes: Passes) {
    let chain = CertificateDer::pem_file_iter(certificate("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(certificate("server.key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.collect::<Result<_, _>>().unwrap(), key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let Ok(mut socket) = acceptor.accept(socket).await else {
            continue;
        };
        tokio::spawn(async move {
            let mut head = vec![0; 4096];
            let read = socket.read(&mut head).await.unwrap_or(0);
            head.truncate(read);
            let is_handshake = String::from_utf8_lossy(&head).contains("/ws/");
            let answer = match passes {
                Passes::NoUpgrade if is_handshake => Some("400 Bad Request"),
                Passes::Nothing => Some("404 Not Found"),
                _ => None,
            };
            if let Some(status) = answer {
                let page = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: 5\r\nconnection: close\r\n\r\nnginx"
                );
                let _ = socket.write_all(page.as_bytes()).await;
                let _ = socket.shutdown().await;
                return;
            }
            let mut behind = TcpStream::connect(engine).await.unwrap();
            behind.write_all(&head).await.unwrap();
            let _ = copy_bidirectional(&mut socket, &mut behind).await;
        });
    }
}

/// Runs the command with the engine's configuration, trusting the proxy's authority or nobody's.
async fn probed(engine: &Engine, is_trusted: bool) -> (Output, Value) {
    let (base, config) = (engine.url(""), engine.house().join("ghanti.toml"));
    let authority = certificate(if is_trusted { "ca.pem" } else { "other.pem" });
    let output = tokio::task::spawn_blocking(move || {
        let mut command = program();
        command
            .args(["doctor", "--probe", "--json", "--url", &base, "--config"])
            .arg(config);
        if authority.exists() {
            command.env("SSL_CERT_FILE", authority);
        }
        command.output().unwrap()
    });
    let output = output.await.unwrap();
    let reported = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output, reported)
}

fn codes(reported: &Value) -> Vec<&str> {
    let findings = reported["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

/// An engine whose public URL is that of a proxy, and a simulated Exotel with its account.
async fn engine(passes: Passes, account: &str) -> (Engine, Exotel) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let public = format!("https://{}", listener.local_addr().unwrap());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let api = free.local_addr().unwrap().to_string();
    drop(free);
    let config = right_config()
        .replace("https://bot.example.com", &public)
        .replace(
            "flow-id = 1001\n",
            &format!("flow-id = 1001\napi-url = 'http://{api}'\n"),
        );
    let engine = Setup::new(with_account(&config, account)).start();
    tokio::spawn(proxy(listener, engine.address().parse().unwrap(), passes));
    let exotel = Exotel::with_setup(&api, &Case::of("").setup(&engine));
    (engine, exotel)
}

fn with_account(config: &str, account: &str) -> String {
    let Some((name, _)) = account.split_once(" = ") else {
        return config.to_owned();
    };
    let line = |line: &str| {
        if line.starts_with(&format!("{name} = ")) && line != "api-token = 'api-0123456789-x'" {
            account.to_owned()
        } else {
            line.to_owned()
        }
    };
    config.lines().map(|text| line(text) + "\n").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_address_and_account_are_checked_and_found_in_order() {
    let (engine, exotel) = engine(Passes::Everything, "").await;
    let (output, reported) = probed(&engine, true).await;
    assert_eq!(codes(&reported), [""; 0], "{reported:#}");
    assert!(output.status.success(), "{reported:#}");
    let checks = format!("{}", reported["checks"]);
    for words in [
        "the certificate is valid",
        "answers",
        "upgrade is passed on",
        "the clock agrees",
        "the account is accepted",
        "is one of them",
        "balance",
    ] {
        assert!(checks.contains(words), "{words}: {checks}");
    }
    assert!(!checks.contains("08045000000"), "{checks}");
    // the probe leaves no call and no refused request behind
    let after = super::report(&engine, "").await;
    assert_eq!(
        (&after["calls"], codes(&after)),
        (&0.into(), vec![]),
        "{after:#}"
    );
    exotel.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_address_or_account_is_named() {
    let cases = [
        (Passes::Everything, "", false, "public-url-certificate"),
        (Passes::NoUpgrade, "", true, "proxy-without-upgrade"),
        (Passes::Nothing, "", true, "public-url-elsewhere"),
        (
            Passes::Everything,
            "caller-id = '08049999999'",
            true,
            "caller-id-foreign",
        ),
        (
            Passes::Everything,
            "api-token = 'wrong'",
            true,
            "account-refused",
        ),
    ];
    for (passes, account, is_trusted, code) in cases {
        let (engine, exotel) = engine(passes, account).await;
        let (output, reported) = probed(&engine, is_trusted).await;
        assert_eq!(codes(&reported), [code], "{reported:#}");
        assert_eq!(output.status.code(), Some(1));
        exotel.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_anybody_is_named() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    for (host, code) in [
        (address.to_string(), "public-url-unreachable"),
        ("no-such-host.invalid".to_owned(), "public-url-unresolved"),
    ] {
        let config = right_config().replace("bot.example.com", &host);
        let config = config.split("[exotel]").next().unwrap().to_owned()
            + config
                .split_once("[calls]")
                .map(|(_, rest)| format!("[calls]{rest}"))
                .unwrap()
                .as_str();
        let engine = Setup::new(config).start();
        let (_, reported) = probed(&engine, true).await;
        assert_eq!(codes(&reported), [code], "{reported:#}");
    }
}
