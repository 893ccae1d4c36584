use super::*;
use crate::{dane::Dane, zone::Zone};
use core::future::pending;
use mta_sts::Policy;

fn asked(dane: DaneMode) -> Asked {
    Zones::new(Zone { dane, ..Zone::new("default") }, []).get(b"postfix").clone()
}

fn policy(mode: &str) -> Standing {
    let text = format!("version: STSv1\nmode: {mode}\nmx: mx.example\nmax_age: 86400\n");
    Standing::Static(Arc::new(Policy::parse(text.as_bytes()).unwrap()))
}

fn found(status: Dane) -> Found {
    Found { status, was_known: false, unbroken: Vec::new() }
}

async fn after<T>(seconds: u64, value: T) -> T {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    value
}

#[tokio::test(start_paused = true)]
async fn policy_and_dane_are_looked_up_at_once() {
    let began = Instant::now();
    let (standing, dane) =
        settle(&asked(DaneMode::Reply), after(3, policy("enforce")), after(4, found(Dane::Usable))).await;
    assert!(standing.is_some() && dane == Some(found(Dane::Usable)));
    assert_eq!(began.elapsed().as_secs(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_would_not_change_the_reply_is_not_waited_for() {
    let never = pending::<Standing>;
    let (standing, dane) = settle(&asked(DaneMode::Reply), never(), after(1, found(Dane::Broken))).await;
    assert!(standing.is_none() && dane == Some(found(Dane::Broken)));
    let (standing, dane) = settle(&asked(DaneMode::Yield), never(), after(1, found(Dane::Usable))).await;
    assert!(standing.is_none() && dane == Some(found(Dane::Usable)));
    let never = pending::<Found>;
    for (mode, policy) in
        [(DaneMode::Off, policy("enforce")), (DaneMode::Yield, policy("testing")), (DaneMode::Reply, Standing::Exempt)]
    {
        let (standing, dane) = settle(&asked(mode), after(1, policy), never()).await;
        assert!(standing.is_some() && dane.is_none(), "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn dane_is_not_looked_up_where_it_is_off() {
    let dane = async { panic!("it was looked up") };
    let (standing, _) = settle(&asked(DaneMode::Off), after(1, policy("enforce")), dane).await;
    assert!(standing.is_some());
}
