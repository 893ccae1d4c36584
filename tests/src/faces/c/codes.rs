//! The numbers of `mtasts.h` that the face uses.

macro_rules! codes {
    ($($type:ty { $($name:ident = $value:literal,)* })*) => {
        $($(pub(super) const $name: $type = $value;)*)*

        #[cfg(test)]
        const ALL: &[(&str, i64)] = &[$($((stringify!($name), $value),)*)*];
    };
}

codes! {
    i32 {
        MTASTS_OK = 0,
        MTASTS_E_TOO_LARGE = -5,
        MTASTS_E_OUT_OF_TURN = -6,
        MTASTS_E_SPACE = -7,
        MTASTS_E_ABSENT = -8,
        MTASTS_E_DOMAIN = -9,
        MTASTS_E_POLICY = -10,
        MTASTS_E_PATTERN = -11,
        MTASTS_E_FORMAT = -12,
        MTASTS_E_OTHER_DOMAIN = -13,
        MTASTS_E_NO_RECORD = -14,
        MTASTS_E_SEVERAL_RECORDS = -15,
        MTASTS_E_RECORD = -16,
    }
    u32 {
        MTASTS_NO = 1,
        MTASTS_YES = 2,
        MTASTS_DECISION_NO_POLICY = 1,
        MTASTS_DECISION_TESTING = 2,
        MTASTS_DECISION_ENFORCE = 3,
        MTASTS_WANT_NOTHING = 1,
        MTASTS_WANT_TXT = 2,
        MTASTS_WANT_HTTPS = 3,
        MTASTS_INTENT_DELIVER = 1,
        MTASTS_INTENT_BEFORE_BOUNCE = 2,
        MTASTS_INTENT_REFRESH = 3,
        MTASTS_TXT_RECORDS = 1,
        MTASTS_TXT_ABSENT = 2,
        MTASTS_TXT_TEMPFAIL = 3,
        MTASTS_MODE_ENFORCE = 1,
        MTASTS_MODE_TESTING = 2,
        MTASTS_OPTION_RECHECK_AFTER = 1,
        MTASTS_OPTION_BACKOFF = 2,
        MTASTS_OPTION_MAX_BODY = 3,
        MTASTS_FAILURE_CERTIFICATE = 1,
        MTASTS_FAILURE_CONNECT = 2,
        MTASTS_FAILURE_DNS = 3,
        MTASTS_FAILURE_INCOMPLETE = 6,
        MTASTS_FAILURE_TIMEOUT = 12,
        MTASTS_FAILURE_TLS = 13,
    }
}

#[test]
fn numbers_are_those_of_the_binary_interface() {
    let table = include_str!("../../../../ffi/abi/codes.txt");
    for (name, value) in ALL {
        assert!(table.lines().any(|line| line == format!("{name} {value}")), "{name} {value}");
    }
}
