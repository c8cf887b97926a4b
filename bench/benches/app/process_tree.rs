//! Memory and processor time of a process and its descendants.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

/// A running program. It is killed with its descendants when this is dropped.
pub struct ProcessTree(Child);

impl ProcessTree {
    pub fn start(mut program: Command) -> Self {
        Self(program.spawn().unwrap_or_else(|error| panic!("{program:?}: {error}")))
    }

    fn pids(&self) -> Vec<u32> {
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(parent) = parent_of(pid) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut pids = vec![self.0.id()];
        let mut next = 0;
        while let Some(pid) = pids.get(next) {
            pids.extend(children.remove(pid).unwrap_or_default());
            next += 1;
        }
        pids
    }

    /// The memory once it has been stable for 1.5 s, or after 10 s. In MB.
    pub fn settled_memory(&self) -> f64 {
        let mut last = [0.0; 3];
        for _ in 0..20 {
            thread::sleep(Duration::from_millis(500));
            last = [last[1], last[2], self.memory()];
            if last.iter().all(|before| (before - last[2]).abs() < 0.5) {
                break;
            }
        }
        last[2]
    }

    /// Proportional set size (PSS) in MB. Other programs that share WebKit's libraries would reduce it, so none may run.
    fn memory(&self) -> f64 {
        let kilobytes = |pid: &u32| -> Option<f64> {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse().ok())
        };
        self.pids().iter().filter_map(kilobytes).sum::<f64>() / 1000.0
    }

    /// Processor time of each thread, in ns. From `schedstat`: `utime` and `stime` have steps of 10 ms, which is more than an
    /// idle window uses.
    fn cpu_time(&self) -> BTreeMap<PathBuf, f64> {
        let threads = |pid| fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let times = self.pids().into_iter().flat_map(threads).filter_map(|thread| {
            let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((thread.path(), stat.split_whitespace().next()?.parse().ok()?))
        });
        times.collect()
    }
}

impl Drop for ProcessTree {
    fn drop(&mut self) {
        let pids = self.pids();
        for pid in &pids {
            Command::new("kill").args(["-9", &pid.to_string()]).status().ok();
        }
        self.0.wait().ok();
        // Their memory is released a little later; zombies have none.
        let has_memory =
            |pid: &u32| fs::read_to_string(format!("/proc/{pid}/statm")).is_ok_and(|pages| !pages.starts_with('0'));
        while pids.iter().any(has_memory) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // proc_pid_stat(5): the name in brackets can contain brackets and spaces; state and parent follow the last bracket.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The processor time of each tree during `time`, in ms.
pub fn cpu_time_over<const N: usize>(time: Duration, trees: [&ProcessTree; N]) -> [f64; N] {
    let before = trees.map(ProcessTree::cpu_time);
    let mut now = before.clone();
    let began = Instant::now();
    while began.elapsed() < time {
        thread::sleep(Duration::from_millis(500));
        for (now, tree) in now.iter_mut().zip(trees) {
            // Keeps the times of threads that have ended.
            now.extend(tree.cpu_time());
        }
    }
    std::array::from_fn(|at| (now[at].values().sum::<f64>() - before[at].values().sum::<f64>()) / 1e6)
}
