use crate::desk::*;
use mta_sts_lab::{Answer, RecordType};
use mta_sts_postfix::{MxCheck, MxCheckOptions, MxFigures};
use std::time::Duration;
use tokio::time::{sleep, timeout};

async fn round(check: &MxCheck) -> MxFigures {
    timeout(Duration::from_secs(20), async {
        loop {
            let figures = check.figures();
            if figures.ended_at.is_some() {
                return figures;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("a round ends")
}

#[tokio::test]
async fn hosts_that_the_policy_does_not_name_are_counted() {
    let desk = Desk::start().await;
    for (name, mode, mx) in [
        ("good.test", "enforce", &["mail.good.test"][..]),
        ("half.test", "enforce", &["mx.half.test", "backup.other.test"]),
        ("bad.test", "testing", &["mx.other.test"]),
        ("none.test", "none", &["mx.other.test"]),
    ] {
        desk.hold(name, mode).await;
        let hosts: Vec<_> = mx.iter().map(|host| (10, *host)).collect();
        desk.lab.world().mx(name, &hosts);
    }
    desk.hold("dead.test", "enforce").await;
    desk.lab.world().set("dead.test", RecordType::Mx, Answer::ServFail);
    desk.hold("null.test", "enforce").await;
    desk.lab.world().mx("null.test", &[(0, ".")]);
    desk.lab.world().clear_logs();

    let period = Duration::from_secs(2);
    let check = MxCheck::start(desk.clone(), MxCheckOptions { period, ..MxCheckOptions::default() });
    let figures = round(&check).await;
    assert_eq!((figures.checked, figures.mismatching, figures.hopeless, figures.unknown), (4, 2, 1, 1), "{figures:?}");
    let found: Vec<_> = figures.mismatches.iter().map(|found| (&*found.domain, &*found.mode, &*found.hosts)).collect();
    assert!(found.contains(&("half.test", "enforce", &["backup.other.test".to_owned()])), "{found:?}");
    assert!(found.contains(&("bad.test", "testing", &["mx.other.test".to_owned()])), "{found:?}");
    // No policy was looked up for it, so that no domain counts as used.
    assert!(desk.lab.world().dns_log().iter().all(|(_, kind)| *kind == RecordType::Mx));
    assert!(desk.lab.world().http_log().is_empty());
}

#[tokio::test]
async fn an_unreadable_store_ends_no_check() {
    let desk = Desk::start().await;
    desk.hold("good.test", "enforce").await;
    desk.store.fails(true);
    let options = MxCheckOptions { period: Duration::from_millis(200), ..MxCheckOptions::default() };
    let check = MxCheck::start(desk.clone(), options);
    sleep(Duration::from_millis(600)).await;
    assert_eq!(check.figures().ended_at, None);
    desk.store.fails(false);
    assert_eq!(round(&check).await.checked, 1);
}
