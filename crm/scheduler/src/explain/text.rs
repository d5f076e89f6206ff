//! An explanation as text: what happens, what stands in the way, what would change it, then each node.

use super::{Explanation, NodeView, Part, Remedy};
use config::Score;
use std::fmt;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.resource, self.decision)?;
        if let Some(block) = &self.block {
            writeln!(f, "  {}", block.because)?;
            for line in &block.each {
                writeln!(f, "    {line}")?;
            }
            match block.remedies.len() {
                0 => {}
                1 => writeln!(f, "  to change that")?,
                _ => writeln!(f, "  to change that, one of these")?,
            }
            for Remedy { command, effect } in &block.remedies {
                writeln!(f, "    {command}\n      {effect}")?;
            }
        }
        if !self.nodes.is_empty() {
            writeln!(f, "  node by node")?;
        }
        for node in &self.nodes {
            write!(f, "{node}")?;
        }
        Ok(())
    }
}

impl fmt::Display for NodeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let score = match self.score {
            None => "no constraint allows it".to_string(),
            Some(score) if score.is_never() && self.unusable.is_some() => "cannot be used".to_string(),
            Some(score) if score.is_never() => match &self.until {
                Some(until) => format!("not allowed {until}"),
                None => "not allowed".to_string(),
            },
            Some(score) if self.unusable.is_some() => format!("cannot be used; would score {score}"),
            Some(score) => format!("score {score}"),
        };
        let mark = match (self.chosen, self.runs, &self.unusable) {
            (true, true, _) => "  <- stays here",
            (true, false, _) => "  <- goes here",
            (false, true, Some(_)) => "  <- last known here",
            (false, true, None) => "  <- runs here",
            (false, false, _) => "",
        };
        writeln!(f, "    {}: {score}{mark}", self.node)?;
        if let Some(unusable) = &self.unusable {
            writeln!(f, "                 {}", unusable.because)?;
        }
        for point in &self.spoke {
            let score = match point.score {
                score if score.is_never() => "ruled out".to_string(),
                score if score > Score::ZERO && !score.is_mandatory() => format!("+{score}"),
                score => score.to_string(),
            };
            writeln!(f, "      {score:>9}  {}", point.words)?;
        }
        Ok(())
    }
}
