//! Numbers as people say them.

use mta_sts_core::UnixTime;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A duration in at most two units: "7 days", "1 day and 2 hours".
pub(crate) fn duration(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let first = UNITS.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(UNITS.len() - 1);
    let (unit, name) = UNITS[first];
    let whole = count(seconds / unit, name);
    match UNITS.get(first + 1) {
        Some((smaller, name)) if seconds % unit >= *smaller => {
            format!("{whole} and {}", count(seconds % unit / smaller, name))
        }
        _ => whole,
    }
}

/// "1 finding", "2 findings".
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// "a", "a and b", "a, b and c".
pub(crate) fn list<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

/// At most `most` items of a list, and how many more there are.
pub(crate) fn shortened<T: AsRef<str>>(items: impl ExactSizeIterator<Item = T>, most: usize) -> String {
    let more = items.len().saturating_sub(most);
    let mut shown: Vec<String> = items.take(most).map(|item| item.as_ref().to_owned()).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    list(&shown)
}

/// "2026-05-11 00:00 UTC".
pub(crate) fn date(at: UnixTime) -> String {
    let text = rfc3339(at);
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(minute)) if text.ends_with('Z') => format!("{day} {minute} UTC"),
        _ => text,
    }
}

/// "2026-05-11T00:00:00Z".
pub(crate) fn rfc3339(at: UnixTime) -> String {
    let date = i64::try_from(at.0).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    // Beyond the year 9999 there is no such form.
    date.and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_else(|| format!("{at} seconds after 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (90, "1 minute and 30 seconds"),
            (3_600, "1 hour"),
            (86_401, "1 day"),
            (604_800, "7 days"),
            (31_557_600, "365 days and 6 hours"),
        ] {
            assert_eq!(duration(seconds), words);
        }
        assert!(duration(u64::MAX).starts_with("213503982334601 days"));
    }

    #[test]
    fn dates_are_utc() {
        assert_eq!(date(UnixTime(1_778_457_600)), "2026-05-11 00:00 UTC");
        assert_eq!(rfc3339(UnixTime(1_778_457_600)), "2026-05-11T00:00:00Z");
        assert_eq!(date(UnixTime(u64::MAX)), "18446744073709551615 seconds after 1970");
    }

    #[test]
    fn lists_read_well() {
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(shortened(["a", "b", "c"].iter(), 2), "a, b and 1 more");
    }
}
