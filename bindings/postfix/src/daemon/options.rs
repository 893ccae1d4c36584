//! What the configuration asks of the service.

use super::StartError;
use crate::{
    config::{Config, DomainOverride, OverrideKind},
    overrides::{Override, Overrides, StaticPolicy},
    service::ServiceOptions,
};

pub(super) fn of(config: &Config) -> Result<ServiceOptions, StartError> {
    let overrides = config.overrides.iter().map(|one| (name(one), what(one)));
    Ok(ServiceOptions {
        zones: config.all_zones(),
        overrides: Overrides::new(overrides).map_err(StartError::Override)?,
        store_grace: config.store.grace,
    })
}

fn name(one: &DomainOverride) -> String {
    format!("{}{}", if one.below { "." } else { "" }, one.domain)
}

fn what(one: &DomainOverride) -> Override {
    match &one.what {
        OverrideKind::Exempt => Override::Exempt,
        OverrideKind::Policy { mode, mx } => Override::Policy(StaticPolicy { mode: *mode, mx: mx.clone() }),
        OverrideKind::Refresh(every) => Override::RefreshEvery(*every),
    }
}
