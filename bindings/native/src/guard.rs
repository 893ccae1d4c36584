//! Which addresses may be connected to. Policy hosts and MX hosts are named by strangers, so that a
//! name could lead into the network behind the sender.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Lets through global unicast addresses, and the nets that the administrator opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    allowed: Vec<IpNet>,
}

impl Guard {
    pub(crate) fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        let opened = |address: IpAddr| self.allowed.iter().any(|net| net.contains(&address));
        match address {
            IpAddr::V4(v4) => is_global_v4(v4) || opened(address),
            // A mapped address goes where the IPv4 address goes, and has no place in DNS.
            IpAddr::V6(v6) => is_global_v6(v6) || opened(address) || opened(v6.to_canonical()),
        }
    }
}

/// RFC 6890 and the IANA registry of special-purpose addresses.
fn is_global_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        // RFC 6052: NAT64's well-known prefix leads to the IPv4 address inside.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_global_v4(v4(high, low)),
        // RFC 4380: Teredo, with the server's and the client's (inverted) address.
        [0x2001, 0, a, b, _, _, c, d] => is_global_v4(v4(a, b)) && is_global_v4(v4(!c, !d)),
        // RFC 3056: 6to4.
        [0x2002, high, low, ..] => is_global_v4(v4(high, low)),
        // Protocol assignments (RFC 2928), documentation (RFC 3849, RFC 9637).
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // RFC 4291 §2.4: what is assigned of global unicast. No ULA, link-local, multicast, mapped.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: [&str; 38] = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::808:808",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:c0a8:101::1",
        "3fff::1",
        "fc00::1",
        "fe80::1",
        "ff02::1",
    ];

    const GLOBAL: [&str; 10] = [
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "198.20.0.1",
        "2a00:1450:4001::1",
        "2606:4700::1111",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ];

    #[test]
    fn only_global_unicast_addresses_pass() {
        let guard = Guard::default();
        for address in REFUSED {
            assert!(!guard.allows(address.parse().unwrap()), "{address}");
        }
        for address in GLOBAL {
            assert!(guard.allows(address.parse().unwrap()), "{address}");
        }
        // RFC 4380: server 65.54.227.120, client 192.0.2.45; then with a global client.
        assert!(!guard.allows("2001:0:4136:e378:8000:63bf:3fff:fdd2".parse().unwrap()));
        assert!(guard.allows("2001:0:4136:e378:8000:63bf:f7f7:f7f7".parse().unwrap()));
    }

    #[test]
    fn opened_nets_pass_also_as_mapped_addresses() {
        let guard = Guard::new(vec!["127.0.0.0/8".parse().unwrap()]);
        assert!(guard.allows("127.77.0.2".parse().unwrap()));
        assert!(guard.allows("::ffff:127.0.0.1".parse().unwrap()));
        assert!(!guard.allows("::1".parse().unwrap()));
        assert!(!guard.allows("10.0.0.1".parse().unwrap()));
    }
}
