//! The limits of a lookup.

use crate::{
    codes::{
        MTASTS_E_VALUE, MTASTS_OPTION_BACKOFF, MTASTS_OPTION_MAX_BODY, MTASTS_OPTION_RECHECK_AFTER, mtasts_option,
        mtasts_result,
    },
    guard::{Given, Object, guard, opaque, out},
};
use core::mem::MaybeUninit;
use mta_sts_core::Config;

/// The limits of a lookup. Where a function takes one, NULL means the defaults.
pub struct mtasts_config(Object<Config>);

opaque!(mtasts_config => Config);

/// Makes settings that have their default values.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_new(config: Option<&mut MaybeUninit<*mut mtasts_config>>) -> mtasts_result {
    guard(|| {
        out(config)?.write(mtasts_config::boxed(Config::default()));
        Ok(())
    })
}

/// Changes a setting, for lookups that are started later. The largest value is 4294967295, and a
/// body of no octets makes no sense: else MTASTS_E_VALUE.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_set(
    config: Option<&mut mtasts_config>,
    option: mtasts_option,
    value: u64,
) -> mtasts_result {
    guard(|| {
        let mut config = config.given()?;
        let value = u32::try_from(value).map_err(|_| MTASTS_E_VALUE)?;
        match option {
            MTASTS_OPTION_RECHECK_AFTER => config.recheck_after = value,
            MTASTS_OPTION_BACKOFF => config.backoff = value,
            MTASTS_OPTION_MAX_BODY if value > 0 => config.max_body = value as usize,
            _ => return Err(MTASTS_E_VALUE),
        }
        Ok(())
    })
}

/// Reads a setting.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_get(
    config: Option<&mtasts_config>,
    option: mtasts_option,
    value: Option<&mut MaybeUninit<u64>>,
) -> mtasts_result {
    guard(|| {
        let (config, value) = (config.given()?, out(value)?);
        value.write(match option {
            MTASTS_OPTION_RECHECK_AFTER => config.recheck_after.into(),
            MTASTS_OPTION_BACKOFF => config.backoff.into(),
            MTASTS_OPTION_MAX_BODY => config.max_body as u64,
            _ => return Err(MTASTS_E_VALUE),
        });
        Ok(())
    })
}

/// Frees settings. Lookups started with them are not concerned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_config_free(config: Option<Box<mtasts_config>>) {
    guard(|| {
        drop(config);
        Ok(())
    });
}
