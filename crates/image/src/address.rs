//! What kind of place an address on the network is: nobody's word may lead us to one that only we can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address is, as far as its text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// A name, or a public address.
    Open,
    /// This machine.
    Loopback,
    /// The link, where clouds keep the keys of the machine; and addresses that are nobody's.
    Link,
    /// A private network.
    Private,
}

/// What kind of place it is. An IPv4 address within an IPv6 one decides.
#[must_use]
pub fn nature_of(address: IpAddr) -> Nature {
    match address {
        IpAddr::V4(address) => nature_of_v4(address),
        IpAddr::V6(address) => nature_of_v6(address),
    }
}

fn nature_of_v4(address: Ipv4Addr) -> Nature {
    let [a, b, ..] = address.octets();
    if address.is_loopback() || a == 0 {
        Nature::Loopback
    } else if address.is_link_local() || address.is_broadcast() || address.is_multicast() {
        Nature::Link
    } else if address.is_private() || (a == 100 && (64..128).contains(&b)) {
        Nature::Private
    } else {
        Nature::Open
    }
}

fn nature_of_v6(address: Ipv6Addr) -> Nature {
    if let Some(inner) = embedded_v4(address) {
        return nature_of_v4(inner);
    }
    if address.is_loopback() || address.is_unspecified() {
        Nature::Loopback
    } else if address.is_unicast_link_local() || address.is_multicast() {
        Nature::Link
    } else if address.is_unique_local() {
        Nature::Private
    } else {
        Nature::Open
    }
}

/// The IPv4 address inside an IPv6 one: mapped, compatible, NAT64 (RFC 6052) and 6to4 (RFC 3056).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let join = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) => Some(join(high, low)),
        (0, 0, 0, 0, 0, 0) if high != 0 => Some(join(high, low)),
        (0x64, 0xff9b, 0, 0, 0, 0) => Some(join(high, low)),
        (0x2002, ..) => Some(join(b, c)),
        _ => None,
    }
}
