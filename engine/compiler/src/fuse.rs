//! Makes the code of a rule short: what rules read is numbered, and a comparison takes its sides from where they are and jumps
//! by its result, so that most conditions of a rule are one instruction each.

use std::collections::{BTreeMap, BTreeSet};

use avow_engine::{
    code::{Op, Right, Sides},
    format::{Cell, VARIABLES},
    limits,
};

use crate::program::{Instruction, Path, Program};

/// The paths that are read by number, the most used ones.
pub(crate) struct Readings(BTreeMap<Path, u32>);

/// An instruction as the engine has it.
pub(crate) enum Fused {
    /// Push a reading.
    Read(u32),
    /// A comparison, and what its right side is.
    Compare(Op, Sides, Operand),
    Other(Instruction),
}

/// The right side of a comparison.
pub(crate) enum Operand {
    Stack,
    Constant(Cell),
    Reading(u32),
}

impl Readings {
    pub(crate) fn new(program: &Program) -> Self {
        let mut uses: BTreeMap<Path, usize> = BTreeMap::new();
        for instruction in program.rules.iter().flat_map(|rule| &rule.code) {
            if let Instruction::Read(path) = instruction {
                // What a longer path is read from is read too, so it is used as often at least.
                for len in 1..=path.names.len() {
                    *uses.entry(path.prefix(len)).or_default() += 1;
                }
            }
        }
        let mut ranked: Vec<(Path, usize)> = uses.into_iter().collect();
        ranked.sort_by_key(|(path, uses)| (std::cmp::Reverse(*uses), path.names.len()));
        let paths = ranked.into_iter().map(|(path, _)| path);
        Self(paths.zip(VARIABLES..limits::READINGS).collect())
    }

    fn number(&self, path: &Path) -> Option<u32> {
        match path.names.as_slice() {
            [] => Some(path.variable),
            _ => self.0.get(path).copied(),
        }
    }

    /// The words of the bundle's section: for each, the number of what it is read from, and the name.
    pub(crate) fn rows(&self, name: impl Fn(&str) -> u32) -> Vec<u32> {
        let mut rows: Vec<(u32, [u32; 2])> = Vec::new();
        for (path, number) in &self.0 {
            if let Some((last, before)) = path.names.split_last() {
                let from = self.number(&path.prefix(before.len()));
                rows.push((*number, [from.unwrap_or(u32::MAX), name(last)]));
            }
        }
        rows.sort_unstable();
        rows.into_iter().flat_map(|(_, row)| row).collect()
    }
}

impl Path {
    fn prefix(&self, len: usize) -> Self {
        Self {
            variable: self.variable,
            names: self.names.iter().take(len).cloned().collect(),
        }
    }
}

/// The code of a rule with its readings numbered and its comparisons fused, and how many of its instructions are the scope's.
pub(crate) fn fuse(
    code: &[Instruction],
    scope_len: usize,
    readings: &Readings,
) -> (Vec<Fused>, usize) {
    let targets: BTreeSet<usize> = code
        .iter()
        .enumerate()
        .filter_map(|(at, instruction)| match instruction {
            Instruction::Jump(_, target) => Some(*target),
            Instruction::HasStep(_, distance) => Some(at + distance),
            _ => None,
        })
        .chain([scope_len])
        .collect();
    let fusing = Fusing {
        code,
        readings,
        targets,
    };
    // Each instruction with the number that its first one had, and the number that its jump leads to.
    let mut out: Vec<(Fused, Option<usize>)> = Vec::new();
    let mut places = BTreeMap::new();
    let mut at = 0;
    while at < code.len() {
        places.insert(at, out.len());
        at = fusing.next(at, &mut out);
    }
    places.insert(code.len(), out.len());
    // Nothing that a jump leads to was fused with what is before it, so it has a place.
    let place = |old: usize| places.get(&old).copied().unwrap_or(usize::MAX);
    let instructions = out.into_iter().enumerate();
    let code = instructions.map(|(at, (instruction, target))| {
        let Some(target) = target.map(place) else {
            return instruction;
        };
        let ahead = target.saturating_sub(at);
        match instruction {
            Fused::Compare(op, sides, right) => {
                let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
                Fused::Compare(op, Sides { ahead, ..sides }, right)
            }
            Fused::Other(Instruction::Jump(op, _)) => Fused::Other(Instruction::Jump(op, target)),
            Fused::Other(Instruction::HasStep(name, _)) => {
                Fused::Other(Instruction::HasStep(name, ahead))
            }
            other => other,
        }
    });
    (code.collect(), place(scope_len))
}

struct Fusing<'a> {
    code: &'a [Instruction],
    readings: &'a Readings,
    /// Instructions that must stay the first of what they become.
    targets: BTreeSet<usize>,
}

impl Fusing<'_> {
    /// The instruction at a place, unless a jump leads there.
    fn then(&self, at: usize) -> Option<&Instruction> {
        self.code.get(at).filter(|_| !self.targets.contains(&at))
    }

    /// The number of the reading that an instruction pushes.
    fn reading(&self, instruction: Option<&Instruction>) -> Option<u32> {
        match instruction {
            Some(Instruction::Read(path)) => self.readings.number(path),
            _ => None,
        }
    }

    /// Whether a jump has room for the way between two places, however many instructions it becomes.
    fn may_reach(&self, from: usize, to: usize) -> bool {
        let farthest = Sides::FARTHEST as usize;
        let between = self.code.get(from..to).unwrap_or_default();
        let becomes = between.iter().map(|instruction| match instruction {
            Instruction::Read(path) => 1 + path.names.len(),
            _ => 1,
        });
        between.len() <= farthest && becomes.sum::<usize>() <= farthest
    }

    /// Adds what the instruction at a place becomes, with those after it that it takes in; the place of the next.
    fn next(&self, at: usize, out: &mut Vec<(Fused, Option<usize>)>) -> usize {
        if let Some((op, mut sides, right, len)) = self.comparison(at) {
            let mut next = at + len;
            let mut target = None;
            // What is written `!=`, `>` or `>=`. There is no such word for `in`.
            if let Some(Instruction::Plain(Op::Not)) = self.then(next)
                && op != Op::In
            {
                sides.negated = !sides.negated;
                next += 1;
            }
            if let Some(Instruction::Jump(jump @ (Op::And | Op::Or), to)) = self.then(next)
                && self.may_reach(at, *to)
            {
                sides.is_or = *jump == Op::Or;
                target = Some(*to);
                next += 1;
            }
            out.push((Fused::Compare(op, sides, right), target));
            return next;
        }
        match self.code.get(at) {
            Some(Instruction::Read(path)) => self.read(path, out),
            Some(instruction) => {
                let target = match instruction {
                    Instruction::Jump(_, target) => Some(*target),
                    Instruction::HasStep(_, distance) => Some(at + distance),
                    _ => None,
                };
                out.push((Fused::Other(instruction.clone()), target));
            }
            None => {}
        }
        at + 1
    }

    /// Pushes a path: from the longest part that has a number, attribute by attribute.
    fn read(&self, path: &Path, out: &mut Vec<(Fused, Option<usize>)>) {
        let all = path.names.len();
        let mut numbers = (0..=all)
            .rev()
            .map(|len| (len, self.readings.number(&path.prefix(len))));
        let longest = numbers.find_map(|(len, number)| Some((len, number?)));
        let (len, number) = longest.unwrap_or((0, path.variable));
        out.push((Fused::Read(number), None));
        for name in path.names.iter().skip(len) {
            let attribute = Instruction::Named(Op::Attribute, name.clone());
            out.push((Fused::Other(attribute), None));
        }
    }

    /// The comparison that begins at a place, and how many instructions it takes in.
    fn comparison(&self, at: usize) -> Option<(Op, Sides, Operand, usize)> {
        let first = self.reading(self.code.get(at));
        let second = self.reading(self.then(at + 1));
        let compared = |instruction: Option<&Instruction>| match instruction? {
            Instruction::Plain(op) if op.compares() => Some((*op, None)),
            Instruction::With(op, value, is_right) => Some((*op, Some((value.clone(), *is_right)))),
            _ => None,
        };
        let of = |left: Option<u32>, op: Op, constant: Option<(Cell, bool)>, len: usize| {
            let Some((value, is_right)) = constant else {
                return Some((op, Sides::default(), Operand::Stack, len));
            };
            let sides = Sides {
                left,
                right: Right::Constant,
                // What stands right of a constant is put left of it: `==` has no sides, and `4 < x` is `!(x <= 4)`.
                negated: !is_right && op != Op::Equal,
                ..Sides::default()
            };
            let op = match op {
                Op::Less if !is_right => Op::LessEqual,
                Op::LessEqual if !is_right => Op::Less,
                op => op,
            };
            Some((op, sides, Operand::Constant(value), len))
        };
        if let (Some(left), Some(right)) = (first, second)
            && let Some((op, None)) = compared(self.then(at + 2))
        {
            let sides = Sides {
                left: Some(left),
                right: Right::Reading,
                ..Sides::default()
            };
            return Some((op, sides, Operand::Reading(right), 3));
        }
        if let Some(reading) = first {
            return match compared(self.then(at + 1))? {
                (op, None) => {
                    let sides = Sides {
                        right: Right::Reading,
                        ..Sides::default()
                    };
                    Some((op, sides, Operand::Reading(reading), 2))
                }
                (op, constant) => of(Some(reading), op, constant, 2),
            };
        }
        let (op, constant) = compared(self.code.get(at))?;
        of(None, op, constant, 1)
    }
}
