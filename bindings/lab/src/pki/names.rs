//! The subjectAltName extension in DER. rcgen's own checks the characters; broken names are what this lab is for.

use std::net::IpAddr;

use rcgen::CustomExtension;

use super::San;

const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];

const SEQUENCE: u8 = 0x30;
// RFC 5280 §4.2.1.6: GeneralName is a CHOICE of implicit context tags.
const RFC822_NAME: u8 = 0x81;
const DNS_NAME: u8 = 0x82;
const URI: u8 = 0x86;
const IP_ADDRESS: u8 = 0x87;

pub(super) fn extension(names: &[San]) -> CustomExtension {
    let names: Vec<u8> = names.iter().flat_map(general_name).collect();
    CustomExtension::from_oid_content(SUBJECT_ALT_NAME, element(SEQUENCE, &names))
}

fn general_name(name: &San) -> Vec<u8> {
    match name {
        San::Dns(name) => element(DNS_NAME, name.as_bytes()),
        San::Ip(IpAddr::V4(address)) => element(IP_ADDRESS, &address.octets()),
        San::Ip(IpAddr::V6(address)) => element(IP_ADDRESS, &address.octets()),
        San::Uri(uri) => element(URI, uri.as_bytes()),
        San::Email(address) => element(RFC822_NAME, address.as_bytes()),
    }
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|&&octet| octet == 0).count()..];
    match significant {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        // A usize has at most eight octets, so the count fits the seven bits.
        long => {
            out.push(0x80 | long.len() as u8);
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::element;

    #[test]
    fn lengths_are_in_the_shortest_form() {
        assert_eq!(element(4, &[]), [4, 0]);
        assert_eq!(element(4, &[0; 127])[..2], [4, 127]);
        assert_eq!(element(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(element(4, &[0; 256])[..4], [4, 0x82, 1, 0]);
    }
}
