//! How much load a receiver takes at a loss that is allowed: a binary search (RFC 2544), for
//! several losses at once. Trials are asked for, never made here.
//!
//! A trial counts for every goal, and a load that loses more than allowed is tried again: it fails
//! when more than half of its trials do, as in MLRsearch, since a machine that does other things
//! for a moment is no limit of the receiver.

use anyhow::Result;
use serde::Serialize;

/// Share of the highest load below which nothing is searched: such a throughput is zero.
const LOWEST: f64 = 0.001;

/// What a trial showed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Frames a second that were asked for; of the fastest trial, that were offered.
    pub asked: f64,
    /// Frames a second that were offered.
    pub offered: f64,
    /// Share of them that did not arrive, 0 to 1.
    pub loss: f64,
}

/// The highest load at a loss that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Goal {
    /// Loss that is allowed, 0 to 1.
    pub loss_allowed: f64,
    /// Frames a second; zero where even the lowest load that was tried loses more.
    pub rate: f64,
    /// The generator could offer no more: the receiver may take more.
    pub is_limited_by_generator: bool,
}

/// How a search goes.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Losses that are allowed, one goal each.
    pub losses: &'a [f64],
    /// Equal steps up to the highest load that are tried first.
    pub steps: u32,
    /// The search ends where the bounds are nearer than this share of the upper one, and where
    /// that is below the lowest load that is tried.
    pub resolution: f64,
    /// Trials of one load, at most.
    pub tries: u32,
}

/// Searches between nothing and the highest load, whose trial was made before.
///
/// # Errors
///
/// What a trial says.
pub fn search(
    plan: &Plan<'_>,
    highest: Point,
    mut trial: impl FnMut(f64) -> Result<Point>,
) -> Result<(Vec<Goal>, Vec<Point>)> {
    let mut loads = Loads {
        points: vec![highest],
        tries: plan.tries,
    };
    for step in (1..plan.steps).rev() {
        let rate = highest.asked * f64::from(step) / f64::from(plan.steps);
        loads.points.push(trial(rate)?);
    }
    let mut goals = Vec::new();
    for &loss in plan.losses {
        let (mut low, mut high) = loads.bounds(loss, &mut trial)?;
        let lowest = LOWEST * highest.asked;
        while high > lowest && high - low > plan.resolution * high {
            let middle = (low + high) / 2.0;
            if loads.passes(middle, loss, &mut trial)? {
                low = middle;
            } else {
                high = middle;
            }
        }
        // What was offered at that load, which may be a little less than what was asked for.
        goals.push(Goal {
            loss_allowed: loss,
            rate: loads.offered(low),
            is_limited_by_generator: high == 0.0,
        });
    }
    loads.points.sort_by(|a, b| a.asked.total_cmp(&b.asked));
    Ok((goals, loads.points))
}

/// The trials so far.
struct Loads {
    points: Vec<Point>,
    tries: u32,
}

impl Loads {
    fn at(&self, asked: f64) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(move |point| point.asked == asked)
    }

    fn offered(&self, asked: f64) -> f64 {
        self.at(asked)
            .map(|point| point.offered)
            .fold(0.0, f64::max)
    }

    /// True unless more than half of the trials of this load lose more than allowed. Makes as many
    /// as it takes.
    fn passes(
        &mut self,
        asked: f64,
        allowed: f64,
        trial: &mut impl FnMut(f64) -> Result<Point>,
    ) -> Result<bool> {
        loop {
            let made = self.at(asked).count() as u32;
            let failed = self.at(asked).filter(|point| point.loss > allowed).count() as u32;
            let left = self.tries.saturating_sub(made);
            if made > 0 && failed * 2 <= made {
                return Ok(true);
            }
            // Not to be mended by those that are left.
            if made > 0 && failed * 2 > made + left {
                return Ok(false);
            }
            self.points.push(Point {
                asked,
                ..trial(asked)?
            });
        }
    }

    /// The highest load that passes with all below it, and the lowest that does not: zero where
    /// all pass.
    fn bounds(
        &mut self,
        allowed: f64,
        trial: &mut impl FnMut(f64) -> Result<Point>,
    ) -> Result<(f64, f64)> {
        let mut asked = self
            .points
            .iter()
            .map(|point| point.asked)
            .collect::<Vec<_>>();
        asked.sort_by(f64::total_cmp);
        asked.dedup();
        let mut low = 0.0;
        for load in asked {
            if !self.passes(load, allowed, trial)? {
                return Ok((low, load));
            }
            low = load;
        }
        Ok((low, 0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan<'_> = Plan {
        losses: &[0.0, 0.1],
        steps: 4,
        resolution: 0.01,
        tries: 3,
    };

    /// A receiver that takes so much and loses the rest.
    fn receiver(takes: f64) -> impl FnMut(f64) -> Result<Point> {
        move |asked| {
            let loss = (1.0 - takes / asked).max(0.0);
            Ok(Point {
                asked,
                offered: asked,
                loss,
            })
        }
    }

    #[test]
    fn the_highest_load_without_loss_is_found() {
        let mut receiver = receiver(613.0);
        let highest = receiver(1000.0).unwrap();
        let (goals, points) = search(&PLAN, highest, receiver).unwrap();
        let [zero, tenth] = goals[..] else {
            panic!("{goals:?}")
        };
        assert!((600.0..=613.0).contains(&zero.rate), "{zero:?}");
        assert!((670.0..=681.2).contains(&tenth.rate), "{tenth:?}");
        assert!(!zero.is_limited_by_generator && !tenth.is_limited_by_generator);
        assert!(points.windows(2).all(|pair| pair[0].asked <= pair[1].asked));
    }

    #[test]
    fn a_generator_can_be_the_limit() {
        let mut receiver = receiver(5000.0);
        let highest = receiver(1000.0).unwrap();
        let (goals, _) = search(&PLAN, highest, receiver).unwrap();
        assert!(
            goals
                .iter()
                .all(|goal| goal.is_limited_by_generator && goal.rate == 1000.0)
        );
    }

    #[test]
    fn one_bad_moment_is_no_limit() {
        let mut trials = 0;
        let trial = |asked| {
            trials += 1;
            let loss = if trials == 2 { 0.5 } else { 0.0 };
            Ok(Point {
                asked,
                offered: asked,
                loss,
            })
        };
        let highest = Point {
            asked: 1000.0,
            offered: 990.0,
            loss: 0.0,
        };
        let (goals, _) = search(&PLAN, highest, trial).unwrap();
        assert_eq!(goals[0].rate, 990.0);
    }

    #[test]
    fn where_everything_is_lost_the_search_ends() {
        let all = |asked| {
            Ok(Point {
                asked,
                offered: asked,
                loss: 1.0,
            })
        };
        let (goals, points) = search(&PLAN, all(1000.0).unwrap(), all).unwrap();
        assert_eq!(goals[0].rate, 0.0);
        assert!(points.len() < 100, "{}", points.len());
    }
}
