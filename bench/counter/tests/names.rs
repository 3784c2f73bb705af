//! What becomes of kameo's names and references at a restart; the other programs show theirs.

use kameo::prelude::*;

#[derive(Actor, Clone)]
struct Fragile;

#[messages]
impl Fragile {
    #[message]
    fn crash(&mut self) {
        panic!("as asked");
    }

    #[message]
    fn ping(&self) {}
}

#[derive(Actor)]
struct Root;

/// A name is gone after a restart of its actor, and a reference leads to the next incarnation.
#[tokio::test]
async fn in_kameo_a_reference_survives_a_restart_and_a_name_does_not() {
    let supervisor = Root::spawn(Root);
    let fragile = Fragile::supervise(&supervisor, Fragile).spawn().await;
    fragile.register("fragile").unwrap();
    assert!(ActorRef::<Fragile>::lookup("fragile").unwrap().is_some());

    assert!(fragile.ask(Crash).await.is_err());
    fragile.ask(Ping).await.unwrap();
    while ActorRef::<Fragile>::lookup("fragile").unwrap().is_some() {
        tokio::task::yield_now().await;
    }
}

/// A lookup with the wrong actor type is an error while the program runs.
#[tokio::test]
async fn in_kameo_a_lookup_by_the_wrong_type_is_an_error() {
    Root::spawn(Root).register("root").unwrap();
    assert!(ActorRef::<Fragile>::lookup("root").is_err());
}
