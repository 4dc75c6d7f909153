//! Random commands and random troubles.

use std::time::Duration;

use cap_domain::command::Verb;
use cap_domain::spec::StopRequest;
use cap_testkit::SimEngine;
use cap_testkit::image::SAMPLE_IMAGE;
use cap_testkit::sim_engine::{Call, Game, Trouble};

use crate::sim::rig::{create_of, id, sample};

/// How many servers there are.
pub(crate) const SERVERS: usize = 200;

const CALLS: [Call; 9] = [
    Call::Look,
    Call::Inspect,
    Call::Create,
    Call::Attach,
    Call::Start,
    Call::Signal,
    Call::Remove,
    Call::Logs,
    Call::Figures,
];

pub(crate) fn name(number: usize) -> String {
    format!("soak-{number:03}")
}

pub(crate) struct Chaos {
    random: fastrand::Rng,
    is_out: bool,
}

impl Chaos {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), is_out: false }
    }

    /// First every server is created, then anything happens to any of them.
    pub(crate) fn command(&mut self, number: usize) -> (String, Verb) {
        if number < SERVERS {
            return (name(number), create_of(sample()));
        }
        let stop = StopRequest { signal: None, grace_seconds: self.random.u32(0..2) };
        let verb = match self.random.u32(0..100) {
            0..40 => Verb::Start,
            40..52 => Verb::Stop(stop),
            52..60 => Verb::Restart(stop),
            60..70 => Verb::Kill,
            70..80 => Verb::ConsoleCommand { line: "say hello".into() },
            80..87 => Verb::ServerStatus,
            87..92 => Verb::ConsoleHistory { lines: 20 },
            92..96 => Verb::Delete { keep_files: false },
            _ => create_of(sample()),
        };
        (name(self.random.usize(0..SERVERS)), verb)
    }

    /// Something happens to the engine, a container, or a game; or nothing.
    pub(crate) fn trouble(&mut self, engine: &SimEngine) {
        let server = id(&name(self.random.usize(0..SERVERS)));
        match self.random.u32(0..400) {
            0..100 => {
                let call = CALLS[self.random.usize(0..CALLS.len())];
                engine.trouble_once(&server, call, self.any_trouble());
            }
            100..160 => engine.set_game(&server, self.any_game()),
            160..180 => engine.end_game(&server, 1),
            180..190 => engine.run_out_of_memory(&server),
            190..200 => engine.remove_behind_back(&server),
            200..210 => engine.pause_behind_back(&server, true),
            210..216 => {
                // There may be no container: then nobody restarts it.
                let _ = engine.restart_behind_back(&server);
            }
            216..220 if !self.is_out => {
                self.is_out = true;
                if self.random.bool() { engine.go_away() } else { engine.hang_calls() }
            }
            220..280 if self.is_out => {
                self.is_out = false;
                engine.come_back();
            }
            _ => {}
        }
    }

    /// All is well again, but what was frozen stays frozen: a kill must work all the same.
    pub(crate) fn heal(engine: &SimEngine) {
        engine.come_back();
        for server in (0..SERVERS).map(name) {
            for call in CALLS {
                engine.heal(&id(&server), call);
            }
        }
        engine.heal_image(SAMPLE_IMAGE, Call::Image);
    }

    fn any_trouble(&mut self) -> Trouble {
        match self.random.u32(0..5) {
            0 => Trouble::Hangs,
            1 => Trouble::DoneWithoutAnswer,
            2 => Trouble::Slow(Duration::from_millis(self.random.u64(0..600))),
            3 => Trouble::Fails("some trouble".into()),
            _ => Trouble::Refuses("name is taken".into()),
        }
    }

    fn any_game(&mut self) -> Game {
        let ms = Duration::from_millis;
        Game {
            startup: ms(self.random.u64(0..50)),
            gets_ready: self.random.u32(0..10) > 0,
            stop_takes: ms(self.random.u64(0..50)),
            ignores_signals: self.random.u32(0..5) == 0,
            ignores_console: self.random.u32(0..5) == 0,
            survives_sigkill: false,
            crashes: (self.random.u32(0..5) == 0).then(|| (ms(self.random.u64(0..300)), 1)),
        }
    }
}
