//! Hosts of URLs.

use std::net::IpAddr;

/// Whether a URL's host is this machine: `localhost`, or a loopback address. An IPv6 address is in
/// brackets (RFC 3986, section 3.2.2).
pub fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_localhost_or_a_loopback_address() {
        for host in [
            "localhost",
            "127.0.0.1",
            "127.8.9.10",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com",
            "10.0.0.1",
            "[2001:db8::1]",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
