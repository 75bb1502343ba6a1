//! Which addresses an action may connect to: public ones, and private ones that its definition names.
//!
//! A name is resolved once, what it resolves to is checked, and that address is connected to: a name
//! that resolves to something else a moment later gains nothing.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network, such as `10.1.0.0/16`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads an address, or an address and its number of leading bits.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{}` is not an address or network: write it as `10.1.2.3` or `10.1.0.0/16`",
                text.escape_default()
            )
        };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if bits > most {
            return Err(wrong());
        }
        Ok(Self { first, bits })
    }

    fn has(self, address: IpAddr) -> bool {
        let shared = |left: u128, right: u128, width: u32| {
            let other = width - u32::from(self.bits);
            other >= width || (left ^ right) >> other == 0
        };
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                shared(u32::from(first).into(), u32::from(address).into(), 32)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => shared(first.into(), address.into(), 128),
            _ => false,
        }
    }
}

/// What may be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Public addresses and these networks.
    Public(Vec<Network>),
    /// These networks alone, for what is sent in the open.
    Named(Vec<Network>),
    /// Wherever the operator's URL leads.
    Anywhere,
}

/// An address that may not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forbidden(pub(crate) IpAddr);

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "its host is at {}, which is not a public address: add it to `private` if it is meant",
            self.0
        )
    }
}

impl Reach {
    /// Whether an address may be connected to.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        // a mapped address is the IPv4 address that it stands for
        let plain = address.to_canonical();
        let named = |networks: &[Network]| networks.iter().any(|network| network.has(plain));
        let allowed = match self {
            Reach::Public(networks) => is_public(plain) || named(networks),
            Reach::Named(networks) => named(networks),
            Reach::Anywhere => true,
        };
        allowed.then_some(()).ok_or(Forbidden(plain))
    }
}

/// Whether an address belongs to the Internet, and to one machine of it (IANA's registries of
/// special-purpose addresses).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        // with the metadata of clouds, 169.254.169.254
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        // reserved, and broadcast
        || a >= 240
        // shared by carriers' customers (RFC 6598), also the metadata of Alibaba
        || (a == 100 && (64..128).contains(&b))
        // protocol assignments, relays, benchmarks
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
        // the metadata of Azure
        || address == Ipv4Addr::new(168, 63, 129, 16);
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, .., seventh, eighth] = address.segments();
    // addresses that lead to an IPv4 address: 6to4, and translation (RFC 6052)
    let within = match (first, second) {
        (0x2002, _) => Some([second, third]),
        (0x64, 0xff9b) => Some([seventh, eighth]),
        _ => None,
    };
    if let Some([high, low]) = within {
        return is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    }
    // global unicast is 2000::/3
    first & 0xe000 == 0x2000
        // protocol assignments with Teredo, and documentation
        && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
        && !(first == 0x3fff && second < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for public in [
            "8.8.8.8",
            "52.95.1.1",
            "100.128.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "2a00::1",
            "::ffff:8.8.8.8",
            "2002:808:808::1",
        ] {
            assert_eq!(Reach::Public(vec![]).check(ip(public)), Ok(()), "{public}");
        }
        for private in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "64:ff9b::a00:1",
            "2002:7f00:1::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::7f00:1",
        ] {
            assert_eq!(
                Reach::Public(vec![]).check(ip(private)),
                Err(Forbidden(ip(private).to_canonical())),
                "{private}"
            );
        }
    }

    #[test]
    fn private_addresses_are_reached_where_they_are_named_and_nothing_beside_them() {
        let networks =
            ["10.1.0.0/16", "127.0.0.1", "fd00::/8"].map(|text| Network::parse(text).unwrap());
        let (public, named) = (
            Reach::Public(networks.to_vec()),
            Reach::Named(networks.to_vec()),
        );
        for (address, by_public, by_named) in [
            ("10.1.255.1", true, true),
            ("10.2.0.1", false, false),
            ("127.0.0.1", true, true),
            ("::ffff:127.0.0.1", true, true),
            ("127.0.0.2", false, false),
            ("fd12::1", true, true),
            ("fe80::1", false, false),
            ("169.254.169.254", false, false),
            ("8.8.8.8", true, false),
        ] {
            assert_eq!(public.check(ip(address)).is_ok(), by_public, "{address}");
            assert_eq!(named.check(ip(address)).is_ok(), by_named, "{address}");
        }
        let all = Network::parse("0.0.0.0/0").unwrap();
        assert!(all.has(ip("255.1.2.3")) && !all.has(ip("::1")));
        for wrong in [
            "10.0.0.1/33",
            "10.0.0",
            "localhost",
            "",
            "10.0.0.1/",
            "::/129",
        ] {
            assert!(Network::parse(wrong).is_err(), "{wrong}");
        }
    }
}
