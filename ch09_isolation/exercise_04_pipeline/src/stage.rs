//! One stage of the pipeline; all stages are of this type, and differ in their setup.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{Target, note};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::{Data, Ledger, Outcome, Receipt, SubmitError, Wiring, stage, validate};

/// What a stage is started with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Whom it is between.
    pub wiring: Wiring,
    /// What it makes of a number.
    pub work: fn(i64) -> i64,
    /// How many items may be in the pipeline at a time. The first stage sees to it.
    pub room: usize,
    /// How long it takes to let an item out. The last stage takes this long.
    pub pace: Duration,
}

/// What goes from stage to stage. Prints as `validated 5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// As the first stage has let it in.
    Validated(i64),
    /// As a stage after that has made it.
    Processed(i64),
}

impl Item {
    /// The number.
    pub fn number(self) -> i64 {
        let (Self::Validated(number) | Self::Processed(number)) = self;
        number
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Validated(number) => write!(f, "validated {number}"),
            Self::Processed(number) => write!(f, "processed {number}"),
        }
    }
}

/// An item on its way.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Its number in the ledger of the first stage.
    pub number: u64,
    /// The item.
    pub item: Item,
    /// The first stage, as it was when the item entered: who grants claims, and is told what came
    /// out.
    pub entry: ServerRef<Stage>,
}

/// What a stage has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// How many items it has processed since it began: the course's `processed`.
    pub processed: u64,
    /// How many items are in flight, as far as it knows; only the first stage does.
    pub in_flight: usize,
}

/// A stage.
#[derive(Debug)]
pub struct Stage {
    setup: Setup,
    processed: u64,
    /// What is in flight; of use in the first stage only.
    ledger: Ledger<Pid>,
    /// Who waits for what becomes of an item, by its number.
    waiting: HashMap<u64, oneshot::Sender<Outcome>>,
    /// Whose end this stage will learn of.
    watched: Option<Pid>,
}

/// What a stage is asked.
#[derive(Debug)]
pub enum Ask {
    /// The first stage: to let something in.
    Accept(Data, Reply<Result<Receipt, SubmitError>>),
    /// The first stage, by the last one: whether the item of this number may come out.
    Claim(u64, Reply<bool>),
    /// By a stage downstream, while the last one starts: to see that the first one knows of it.
    Fresh(Reply<()>),
    /// For its counts.
    Counts(Reply<Counts>),
}

/// What a stage is told.
#[derive(Debug)]
pub enum Tell {
    /// To process this, and pass it on: the course's `{:data, data}`.
    Data(Parcel),
    /// The first stage: that the item of this number has come out as this.
    Done(u64, i64),
}

impl GenServer for Stage {
    type Args = Setup;
    type Call = Ask;
    type Cast = Tell;
    type Info = ();

    /// Notes `Stage process started (upstream: input)`; of the first one `(upstream: none)`. The last
    /// stage asks the one before it to see to [`Ask::Fresh`], and is up when that is done.
    async fn init(setup: Setup, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 4: say who starts, and let those before the last stage know of it.
        let Wiring { name, upstream, downstream } = setup.wiring;
        note(format!("Stage {name} started (upstream: {})", upstream.unwrap_or("none")));
        if let (Some(upstream), None) = (upstream, downstream) {
            // If upstream has died, this stage will be started again, and then it will be heard.
            let _ = stage(upstream).call(Ask::Fresh).infinity().await;
        }
        let ledger = Ledger::new(setup.room);
        Ok(Init::Ok(Stage { setup, processed: 0, ledger, waiting: HashMap::new(), watched: None }))
        // END
    }

    async fn handle_call(&mut self, ask: Ask, cx: &mut Cx<Self>) -> Handled<Self> {
        match ask {
            Ask::Accept(data, reply) => self.let_in(data, reply, cx),
            Ask::Claim(number, reply) => self.grant(number, reply, cx),
            Ask::Fresh(reply) => self.after_a_restart(reply, cx).await,
            Ask::Counts(reply) => {
                reply.go(Counts { processed: self.processed, in_flight: self.ledger.in_flight() })
            }
        }
    }

    async fn handle_cast(&mut self, tell: Tell, _: &mut Cx<Self>) -> Handled<Self> {
        match tell {
            Tell::Data(parcel) => self.process(parcel).await,
            Tell::Done(number, value) => {
                self.came_out(number, value);
                Ok(Next::Go)
            }
        }
    }

    /// Somebody that had claimed items has ended: what it had not let out is in doubt.
    async fn handle_info(&mut self, info: Info<()>, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 7: tell the submitters whose items were in the hands of somebody who died.
        if let Info::Down(down) = info
            && let Target::Pid(who) = down.target
        {
            for number in self.ledger.died(&who) {
                self.report(number, Outcome::InDoubt);
            }
        }
        Ok(Next::Go)
        // END
    }
}

impl Stage {
    /// Gives a parcel to the stage of this name, and does not wait: the course's `Stage.submit`.
    pub fn submit(name: &str, parcel: Parcel) {
        stage(name).cast(Tell::Data(parcel));
    }

    /// Lets something in, or answers why not. What is let in is noted, as `input processing: 5`,
    /// counted, and delivered, after the answer: who gets an error instead of an answer can be sure
    /// that nothing was delivered.
    fn let_in(
        &mut self,
        data: Data,
        reply: Reply<Result<Receipt, SubmitError>>,
        cx: &Cx<Self>,
    ) -> Handled<Self> {
        // EXERCISE 5: look at it, see whether there is room, answer, and only then deliver.
        let value = match validate(data) {
            Ok(value) => value,
            Err(error) => return reply.go(Err(error)),
        };
        let number = match self.ledger.accept(value) {
            Ok(number) => number,
            Err(full) => return reply.go(Err(full.into())),
        };
        let (tell, told) = oneshot::channel();
        self.waiting.insert(number, tell);
        reply.send(Ok(Receipt(told)));
        note(format!("{} processing: {value}", self.setup.wiring.name));
        self.processed += 1;
        self.deliver(number, value, cx);
        Ok(Next::Go)
        // END
    }

    /// Sends an item of the ledger to the next stage.
    fn deliver(&self, number: u64, value: i64, cx: &Cx<Self>) {
        if let Some(next) = self.setup.wiring.downstream {
            let item = Item::Validated(value);
            Self::submit(next, Parcel { number, item, entry: cx.server() });
        }
    }

    /// Notes `process processing: validated 5`, counts it, does its work on it, and passes it on as
    /// processed. The last stage does so only if the entry grants its claim, takes its time, notes
    /// `Output: 10`, and tells the entry.
    async fn process(&mut self, parcel: Parcel) -> Handled<Self> {
        // EXERCISE 6: print it, count it, transform it, pass it on; claim it first, if you are the last.
        let Wiring { name, downstream, .. } = self.setup.wiring;
        let Parcel { number, item, entry } = parcel;
        if downstream.is_none() {
            let claim = entry.call(|reply| Ask::Claim(number, reply)).infinity();
            // Not granted: it is a second delivery, or the entry has died, and this stage goes next.
            if claim.await != Ok(true) {
                return Ok(Next::Go);
            }
        }
        note(format!("{name} processing: {item}"));
        self.processed += 1;
        let value = (self.setup.work)(item.number());
        match downstream {
            Some(next) => {
                Self::submit(next, Parcel { number, item: Item::Processed(value), entry });
            }
            None => {
                sleep(self.setup.pace).await;
                note(format!("Output: {value}"));
                entry.cast(Tell::Done(number, value));
            }
        }
        Ok(Next::Go)
        // END
    }

    /// Answers a claim of the last stage, and watches whoever has one: its end decides what becomes
    /// of what it had claimed.
    fn grant(&mut self, number: u64, reply: Reply<bool>, cx: &Cx<Self>) -> Handled<Self> {
        // EXERCISE 6: grant it by the ledger, and learn of the end of whoever has a grant.
        let who = reply.caller();
        if self.watched != Some(who) {
            cx.monitor(who);
            self.watched = Some(who);
        }
        reply.go(self.ledger.claim(number, who))
        // END
    }

    /// An item has come out: whoever waits for it is told, once.
    fn came_out(&mut self, number: u64, value: i64) {
        // EXERCISE 6: tell the submitter, if it has not been told something else before.
        if self.ledger.done(number) {
            self.report(number, Outcome::Done(value));
        }
        // END
    }

    /// The last stage is a new one. Whoever has an upstream asks it to see to that; the first stage
    /// does, if anything is in flight. Answered when that is done.
    async fn after_a_restart(&mut self, reply: Reply<()>, cx: &Cx<Self>) -> Handled<Self> {
        match self.setup.wiring.upstream {
            // Whoever is downstream of a stage that has died is stopped soon, and need not crash.
            Some(upstream) => drop(stage(upstream).call(Ask::Fresh).infinity().await),
            None if self.ledger.in_flight() > 0 => self.deliver_again(cx),
            None => {}
        }
        reply.go(())
    }

    /// Delivers again what the ledger says, and reports what it gives up.
    fn deliver_again(&mut self, cx: &Cx<Self>) {
        // EXERCISE 7: deliver again what waits, and tell the submitters of what is given up.
        let again = self.ledger.again();
        for number in again.give_up {
            self.report(number, Outcome::GivenUp);
        }
        for (number, value) in again.deliver {
            self.deliver(number, value, cx);
        }
        // END
    }

    /// Tells whoever waits for this item, if anybody still does.
    fn report(&mut self, number: u64, outcome: Outcome) {
        if let Some(waiting) = self.waiting.remove(&number) {
            // Who dropped the receipt does not want to know.
            let _ = waiting.send(outcome);
        }
    }
}
