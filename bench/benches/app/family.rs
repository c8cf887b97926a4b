//! A process with all that it started: its memory and its time.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

/// A program that ends, with its web processes, when this does.
pub struct Family(Child);

impl Family {
    pub fn start(mut program: Command) -> Self {
        Self(program.spawn().unwrap_or_else(|error| panic!("{program:?}: {error}")))
    }

    fn members(&self) -> Vec<u32> {
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(parent) = parent_of(pid) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut members = vec![self.0.id()];
        let mut next = 0;
        while let Some(member) = members.get(next) {
            members.extend(children.remove(member).unwrap_or_default());
            next += 1;
        }
        members
    }

    /// Their memory when it has stood still for a second and a half, or after ten.
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

    /// The memory that is theirs, in MB: what they share with others counts in parts (PSS), so nothing else that shows web
    /// pages may run at the same time.
    fn memory(&self) -> f64 {
        let kilobytes = |pid: &u32| -> Option<f64> {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse().ok())
        };
        self.members().iter().filter_map(kilobytes).sum::<f64>() / 1000.0
    }

    /// The processor time that each of their threads has had so far, in ns. `utime` and `stime` count in steps of ten
    /// milliseconds, which is more than an idle window needs.
    pub fn work(&self) -> BTreeMap<PathBuf, f64> {
        let threads = |pid| fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let work = self.members().into_iter().flat_map(threads).filter_map(|thread| {
            let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((thread.path(), stat.split_whitespace().next()?.parse().ok()?))
        });
        work.collect()
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        let members = self.members();
        for pid in &members {
            Command::new("kill").args(["-9", &pid.to_string()]).status().ok();
        }
        self.0.wait().ok();
        // Whoever is left of them is a zombie or gone; wait until it holds no memory.
        while members
            .iter()
            .any(|pid| fs::read_to_string(format!("/proc/{pid}/statm")).is_ok_and(|m| !m.starts_with('0')))
        {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything: the state and the parent come after the last bracket.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// How long each of these families is at work while `time` goes by, in ms.
pub fn work_over<const N: usize>(time: Duration, families: [&Family; N]) -> [f64; N] {
    let before = families.map(Family::work);
    let mut now = before.clone();
    let began = Instant::now();
    while began.elapsed() < time {
        thread::sleep(Duration::from_millis(500));
        for (now, family) in now.iter_mut().zip(families) {
            // What a thread did that has ended meanwhile stays.
            now.extend(family.work());
        }
    }
    std::array::from_fn(|at| (now[at].values().sum::<f64>() - before[at].values().sum::<f64>()) / 1e6)
}
