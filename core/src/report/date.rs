//! The dates of a report.

use super::ReportError;
use crate::time::UnixTime;

const DAY: i64 = 86_400;

/// RFC 8460 §4.4 wants RFC 3339. Without a zone it is UTC, as one large sender means it, and
/// another octet may stand for the `T`, as RFC 3339 §5.6 allows.
pub(super) fn parse(text: &str) -> Result<UnixTime, ReportError> {
    let seconds = seconds(text.as_bytes()).ok_or(ReportError::BadDate)?;
    u64::try_from(seconds).map(UnixTime).map_err(|_| ReportError::BadDate)
}

fn seconds(text: &[u8]) -> Option<i64> {
    let (date_time, rest) = text.split_first_chunk::<19>()?;
    let [date @ .., _, _, _, _, _, _, _, _, _] = date_time;
    let [.., h1, h0, b':', m1, m0, b':', s1, s0] = date_time else { return None };
    let [y3, y2, y1, y0, b'-', n1, n0, b'-', d1, d0] = date else { return None };
    let (year, month, day) = (100 * pair(*y3, *y2)? + pair(*y1, *y0)?, pair(*n1, *n0)?, pair(*d1, *d0)?);
    let (hour, minute, second) = (pair(*h1, *h0)?, pair(*m1, *m0)?, pair(*s1, *s0)?);
    let last = days_in(year, month)?;
    if !(1..=last).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let midnight = DAY * days(year, month, day);
    let zone = zone(fraction_skipped(rest)?)?;
    let time = midnight + 3600 * hour + 60 * minute + second.min(59) - zone;
    // RFC 3339 §5.7: a leap second is the last one of a month in UTC. It is counted as the one
    // before it.
    let ends_month = match time + 1 - midnight {
        0 => day == 1,
        DAY => day == last,
        _ => false,
    };
    (second < 60 || ends_month).then_some(time)
}

/// Two digits.
fn pair(tens: u8, ones: u8) -> Option<i64> {
    let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
    digits.then(|| 10 * i64::from(tens - b'0') + i64::from(ones - b'0'))
}

/// What follows the fraction of a second, if there is one.
fn fraction_skipped(text: &[u8]) -> Option<&[u8]> {
    let [b'.', rest @ ..] = text else { return Some(text) };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    (digits > 0).then(|| &rest[digits..])
}

/// How many seconds the zone is ahead of UTC.
fn zone(text: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match text {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign, h1, h0, b':', m1, m0] => (sign, pair(*h1, *h0)?, pair(*m1, *m0)?),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    match sign {
        b'+' => Some(3600 * hours + 60 * minutes),
        b'-' => Some(-3600 * hours - 60 * minutes),
        _ => None,
    }
}

fn days_in(year: i64, month: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => Some(if is_leap { 29 } else { 28 }),
        4 | 6 | 9 | 11 => Some(30),
        1..=12 => Some(31),
        _ => None,
    }
}

/// The days from 1970-01-01 to a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719468 days lie between 0000-03-01 and 1970-01-01.
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_rfc_3339_has_them() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29t12:00:00z", 951_825_600),
            ("2024-02-29T23:59:59.999+00:00", 1_709_251_199),
            ("2026-05-11T02:00:00+02:00", 1_778_457_600),
            ("2026-05-10 22:30:00-01:30", 1_778_457_600),
            ("2026-05-11T00:00:00", 1_778_457_600),
            ("2016-12-31T23:59:60Z", 1_483_228_799),
            ("2017-01-01T08:59:60+09:00", 1_483_228_799),
            ("2016-12-31T15:59:60.5-08:00", 1_483_228_799),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(parse(text), Ok(UnixTime(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2026-05-11",
            "2026-05-11T00:00",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-05-11T24:00:00Z",
            "2026-05-11T00:60:00Z",
            "2026-05-11T00:00:61Z",
            "2026-05-11T00:00:60Z",
            "2026-05-30T23:59:60Z",
            "2026-05-11T00:00:00.Z",
            "2026-05-11T00:00:00+1:00",
            "2026-05-11T00:00:00+24:00",
            "2026-05-11T00:00:00+00:60",
            "2026-05-11T00:00:00Zx",
            "+026-05-11T00:00:00Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(parse(text), Err(ReportError::BadDate), "{text}");
        }
    }
}
