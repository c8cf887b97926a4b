//! What is measured alternately.

use std::{path::PathBuf, time::Instant};

use flex_connect_bench::ms;

use crate::{display_probe::DisplayProbe, process_tree::ProcessTree, support::sandbox::Sandbox};

/// A program that is measured, in a sandbox of its own.
pub struct Contestant {
    pub sandbox: Sandbox,
    pub probe: DisplayProbe,
    pub program: PathBuf,
    arguments: Vec<String>,
    /// Milliseconds from the start of the process to the mark on the display.
    pub starts: Vec<f64>,
    /// MB of all its processes, once stable.
    pub memory: Vec<f64>,
}

impl Contestant {
    pub fn new(sandbox: Sandbox, program: PathBuf, arguments: &[&str]) -> Self {
        let probe = DisplayProbe::connect(&sandbox.system.screen_capture().display);
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { sandbox, probe, program, arguments, starts: Vec::new(), memory: Vec::new() }
    }

    /// Starts a process; how many ms until it is painted.
    pub fn start(&self) -> (ProcessTree, f64) {
        self.probe.wait_for_mark(false);
        let mut command = self.sandbox.command(&self.program);
        command.args(&self.arguments);
        let began = Instant::now();
        let tree = ProcessTree::start(command);
        (tree, ms(self.probe.wait_for_mark(true) - began))
    }

    pub fn round(&mut self) {
        let (tree, start) = self.start();
        self.starts.push(start);
        self.memory.push(tree.settled_memory());
    }
}
