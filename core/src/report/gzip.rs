//! gzip (RFC 1952), with a limit on what comes out.

use super::ReportError;
use alloc::{vec, vec::Vec};
use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, decompress as inflate, inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF},
};
use nom::{
    IResult, Parser,
    bytes::complete::{tag, take, take_until},
    combinator::cond,
    multi::length_data,
    number::complete::{le_u16, le_u32, u8 as octet},
    sequence::terminated,
};

pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x1f\x8b")
}

/// All members, one after the other (RFC 1952 §2.2).
pub(super) fn decompress(mut bytes: &[u8], max: usize) -> Result<Vec<u8>, ReportError> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let (deflated, ()) = header(bytes).map_err(|_| ReportError::Gzip)?;
        let start = out.len();
        let rest = member(deflated, &mut out, max)?;
        let trailer: IResult<&[u8], (u32, u32)> = (le_u32, le_u32).parse(rest);
        let (rest, (crc, size)) = trailer.map_err(|_| ReportError::Gzip)?;
        if crc != crc32(&out[start..]) || size as usize != out.len() - start {
            return Err(ReportError::Gzip);
        }
        bytes = rest;
    }
    Ok(out)
}

fn header(input: &[u8]) -> IResult<&[u8], ()> {
    let (input, (_, flags, _)) = (tag(&b"\x1f\x8b\x08"[..]), octet, take(6_usize)).parse(input)?;
    let text = || terminated(take_until("\0"), octet);
    let (extra, name, comment, crc) = (flags & 4 != 0, flags & 8 != 0, flags & 16 != 0, flags & 2 != 0);
    let (input, _) = (cond(extra, length_data(le_u16)), cond(name, text()), cond(comment, text()), cond(crc, le_u16))
        .parse(input)?;
    Ok((input, ()))
}

/// Inflates one member onto `out`, and gives what follows it. The room grows as it fills, so that
/// a small bomb costs no more than the limit.
fn member<'a>(mut input: &'a [u8], out: &mut Vec<u8>, max: usize) -> Result<&'a [u8], ReportError> {
    let mut state = DecompressorOxide::new();
    let start = out.len();
    let mut room = vec![0; 16 * 1024];
    let mut filled = 0;
    loop {
        let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, read, written) = inflate(&mut state, input, &mut room, filled, flags);
        input = &input[read..];
        filled += written;
        if start + filled > max {
            return Err(ReportError::TooLarge);
        }
        match status {
            TINFLStatus::Done => break,
            TINFLStatus::HasMoreOutput if filled == room.len() => room.resize(room.len() * 2, 0),
            _ => return Err(ReportError::Gzip),
        }
    }
    out.extend_from_slice(&room[..filled]);
    Ok(input)
}

/// The check sum of RFC 1952 §8, four bits at a time: the table is small, reports are too.
fn crc32(octets: &[u8]) -> u32 {
    const TABLE: [u32; 16] = {
        let mut table = [0; 16];
        let mut i = 0;
        while i < 64 {
            let crc = if i % 4 == 0 { i as u32 / 4 } else { table[i / 4] };
            table[i / 4] = if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 };
            i += 1;
        }
        table
    };
    let step = |crc: u32| crc >> 4 ^ TABLE[crc as usize % 16];
    !octets.iter().fold(!0, |crc, &octet| step(step(crc ^ u32::from(octet))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A member with stored (uncompressed) blocks.
    fn stored(text: &[u8]) -> Vec<u8> {
        let mut gz = b"\x1f\x8b\x08\x08\0\0\0\0\0\xffname\0".to_vec();
        gz.extend(miniz_oxide::deflate::compress_to_vec(text, 0));
        gz.extend(crc32(text).to_le_bytes());
        gz.extend((text.len() as u32).to_le_bytes());
        gz
    }

    #[test]
    fn the_check_sum_is_that_of_gzip() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn members_are_joined_and_cuts_are_noticed() {
        let two = [stored(b"abc"), stored(b"def")].concat();
        assert_eq!(decompress(&two, 100).unwrap(), b"abcdef");
        for cut in (2..two.len()).filter(|&n| n != two.len() / 2) {
            assert_eq!(decompress(&two[..cut], 100), Err(ReportError::Gzip), "{cut}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let zeros = vec![0; 1 << 20];
        let mut gz = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
        gz.extend(miniz_oxide::deflate::compress_to_vec(&zeros, 9));
        assert_eq!(decompress(&gz, 1000), Err(ReportError::TooLarge));
    }
}
