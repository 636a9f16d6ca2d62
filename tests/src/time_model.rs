//! What the clock does to conditions, found by trying: a small language over `context.now`, evaluated at instant after instant.
//!
//! Nothing here computes when something turns. A turn is searched for, between two instants of which the later one is known
//! to differ, by evaluating in the middle.

use crate::generate::choices::Choices;

const DAY: i64 = 86_400_000;

/// An expression that gives a datetime.
#[derive(Clone, Debug)]
pub enum Instant {
    /// `context.now`
    Now,
    /// A literal, milliseconds since 1970.
    Fixed(i64),
    /// `….offset(…)`
    Offset(Box<Instant>, i64),
    /// `….toDate()`
    Date(Box<Instant>),
}

/// An expression that gives a duration.
#[derive(Clone, Debug)]
pub enum Span {
    /// A literal, milliseconds.
    Fixed(i64),
    /// `….durationSince(…)`
    Since(Instant, Instant),
    /// `….toTime()`
    Time(Instant),
}

/// An expression that gives an integer.
#[derive(Clone, Debug)]
pub enum Count {
    /// A literal.
    Fixed(i64),
    /// `….toMilliseconds()`
    Millis(Span),
    /// `….toSeconds()` and so on, with the unit's milliseconds.
    Units(Span, i64),
}

/// Either side of a comparison.
#[derive(Clone, Debug)]
pub enum Term {
    /// A datetime.
    Instant(Instant),
    /// A duration.
    Span(Span),
    /// An integer.
    Count(Count),
}

/// A condition.
#[derive(Clone, Debug)]
pub enum Condition {
    /// `true` or `false`
    Literal(bool),
    /// `context has now`
    HasNow,
    /// A comparison.
    Compare(&'static str, Term, Term),
    /// `!`
    Not(Box<Condition>),
    /// `&&`
    And(Box<Condition>, Box<Condition>),
    /// `||`
    Or(Box<Condition>, Box<Condition>),
}

const UNITS: [(&str, i64); 4] = [
    ("toSeconds", 1000),
    ("toMinutes", 60_000),
    ("toHours", 3_600_000),
    ("toDays", DAY),
];

/// Up to when the answers to conditions hold, as far as it was looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    now: i64,
    /// The first turn.
    pub turn: Option<i64>,
    /// Whether something was met that ends every promise.
    pub given_up: bool,
}

/// A value failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

type Evaluated<T> = Result<T, Failed>;

impl Horizon {
    /// Nothing is known yet but the instant.
    #[must_use]
    pub fn new(now: i64) -> Self {
        Self {
            now,
            turn: None,
            given_up: false,
        }
    }

    /// Searches the first instant, before the turn that is known, at which what `at` gives is not what it gives now. It is
    /// to change once at most until then.
    fn search<T: PartialEq>(&mut self, at: impl Fn(i64) -> T) {
        let before = at(self.now);
        // At the turn itself a time of the day begins anew.
        let end = self.turn.map_or(i64::MAX, |turn| turn - 1);
        let (mut same, mut other) = (self.now, end);
        if at(other) == before {
            return;
        }
        while other > same && other.abs_diff(same) > 1 {
            let middle = same.midpoint(other);
            match at(middle) == before {
                true => same = middle,
                false => other = middle,
            }
        }
        self.turn = Some(other);
    }

    /// Looks into a condition as far as it is evaluated.
    ///
    /// # Errors
    /// Where it fails.
    pub fn condition(&mut self, condition: &Condition) -> Evaluated<bool> {
        Ok(match condition {
            Condition::Literal(value) => *value,
            Condition::HasNow => true,
            Condition::Not(inner) => !self.condition(inner)?,
            Condition::And(a, b) => self.condition(a)? && self.condition(b)?,
            Condition::Or(a, b) => self.condition(a)? || self.condition(b)?,
            Condition::Compare(sign, a, b) => {
                self.term(a)?;
                self.term(b)?;
                if a.moves() && b.moves() {
                    self.given_up = true;
                } else if a.moves() || b.moves() {
                    // That the one is below the other changes once, and so does that it is not above.
                    let mut turns = [None; 2];
                    for (turn, sign) in turns.iter_mut().zip(["<", "<="]) {
                        let mut alone = *self;
                        alone.search(|t| compare(sign, a.at(t), b.at(t)));
                        *turn = alone.turn;
                    }
                    turns.sort_unstable();
                    let now = compare(sign, a.at(self.now), b.at(self.now));
                    let turn = turns
                        .into_iter()
                        .flatten()
                        .find(|t| compare(sign, a.at(*t), b.at(*t)) != now);
                    self.turn = turn.or(self.turn);
                }
                compare(sign, a.at(self.now), b.at(self.now))?
            }
        })
    }

    /// An operation of which a moving value is part, and which fails now or may fail later.
    fn operation<T: PartialEq>(
        &mut self,
        moves: bool,
        at: impl Fn(i64) -> Evaluated<T>,
    ) -> Evaluated<()> {
        let now = at(self.now);
        if moves {
            self.given_up |= now.is_err();
            self.search(|t| at(t).is_ok());
        }
        now.map(|_| ())
    }

    fn term(&mut self, term: &Term) -> Evaluated<()> {
        match term {
            Term::Instant(instant) => self.instant(instant),
            Term::Span(span) => self.span(span),
            Term::Count(count) => self.count(count),
        }
    }

    fn instant(&mut self, instant: &Instant) -> Evaluated<()> {
        match instant {
            Instant::Now | Instant::Fixed(_) => Ok(()),
            Instant::Offset(inner, _) => {
                self.instant(inner)?;
                self.operation(inner.moves(), |t| instant.at(t))
            }
            Instant::Date(inner) => {
                self.instant(inner)?;
                self.operation(inner.moves(), |t| instant.at(t))?;
                if inner.moves() {
                    self.search(|t| instant.at(t));
                }
                Ok(())
            }
        }
    }

    fn span(&mut self, span: &Span) -> Evaluated<()> {
        match span {
            Span::Fixed(_) => Ok(()),
            Span::Since(a, b) => {
                self.instant(a)?;
                self.instant(b)?;
                self.given_up |= a.moves() && b.moves();
                self.operation(a.moves() != b.moves(), |t| span.at(t))
            }
            Span::Time(inner) => {
                self.instant(inner)?;
                if inner.moves() {
                    self.search(|t| inner.at(t).map(|at| at.div_euclid(DAY)));
                }
                Ok(())
            }
        }
    }

    fn count(&mut self, count: &Count) -> Evaluated<()> {
        match count {
            Count::Fixed(_) => Ok(()),
            Count::Millis(span) => self.span(span),
            Count::Units(span, _) => {
                self.span(span)?;
                if span.moves() {
                    self.search(|t| count.at(t));
                }
                Ok(())
            }
        }
    }
}

fn compare(sign: &str, a: Evaluated<i64>, b: Evaluated<i64>) -> Evaluated<bool> {
    let (a, b) = (a?, b?);
    Ok(match sign {
        "<" => a < b,
        "<=" => a <= b,
        ">" => a > b,
        ">=" => a >= b,
        "==" => a == b,
        _ => a != b,
    })
}

impl Instant {
    fn at(&self, now: i64) -> Evaluated<i64> {
        match self {
            Self::Now => Ok(now),
            Self::Fixed(at) => Ok(*at),
            Self::Offset(inner, by) => inner.at(now)?.checked_add(*by).ok_or(Failed),
            Self::Date(inner) => {
                let at = inner.at(now)?;
                at.checked_sub(at.rem_euclid(DAY)).ok_or(Failed)
            }
        }
    }

    fn moves(&self) -> bool {
        match self {
            Self::Now => true,
            Self::Offset(inner, _) => inner.moves(),
            Self::Fixed(_) | Self::Date(_) => false,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Now => "context.now".to_owned(),
            Self::Fixed(at) => format!("datetime(\"1970-01-01\").offset(duration(\"{at}ms\"))"),
            Self::Offset(inner, by) => format!("{}.offset(duration(\"{by}ms\"))", inner.text()),
            Self::Date(inner) => format!("{}.toDate()", inner.text()),
        }
    }

    fn any(choices: &mut Choices<'_>, near: i64, depth: usize) -> Self {
        match choices.below(if depth == 0 { 4 } else { 8 }) {
            0..3 => Self::Now,
            3 => Self::Fixed(around(choices, near)),
            4..7 => Self::Offset(
                Box::new(Self::any(choices, near, depth - 1)),
                around(choices, 0),
            ),
            _ => Self::Date(Box::new(Self::any(choices, near, depth - 1))),
        }
    }
}

impl Span {
    fn at(&self, now: i64) -> Evaluated<i64> {
        match self {
            Self::Fixed(span) => Ok(*span),
            Self::Since(a, b) => a.at(now)?.checked_sub(b.at(now)?).ok_or(Failed),
            Self::Time(inner) => Ok(inner.at(now)?.rem_euclid(DAY)),
        }
    }

    fn moves(&self) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Since(a, b) => a.moves() != b.moves(),
            Self::Time(inner) => inner.moves(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Fixed(span) => format!("duration(\"{span}ms\")"),
            Self::Since(a, b) => format!("{}.durationSince({})", a.text(), b.text()),
            Self::Time(inner) => format!("{}.toTime()", inner.text()),
        }
    }

    fn any(choices: &mut Choices<'_>, near: i64) -> Self {
        let instant = Instant::any(choices, near, 2);
        match choices.below(8) {
            0..3 => Self::Since(instant, Instant::Fixed(around(choices, near))),
            3..5 => Self::Since(Instant::Fixed(around(choices, near)), instant),
            5 => Self::Since(instant, Instant::any(choices, near, 1)),
            _ => Self::Time(instant),
        }
    }
}

impl Count {
    fn at(&self, now: i64) -> Evaluated<i64> {
        match self {
            Self::Fixed(count) => Ok(*count),
            Self::Millis(span) => span.at(now),
            Self::Units(span, unit) => Ok(span.at(now)? / unit),
        }
    }

    fn moves(&self) -> bool {
        match self {
            Self::Millis(span) => span.moves(),
            Self::Fixed(_) | Self::Units(..) => false,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Fixed(count) => format!("({count})"),
            Self::Millis(span) => format!("{}.toMilliseconds()", span.text()),
            Self::Units(span, unit) => {
                let name = UNITS
                    .iter()
                    .find(|(_, of)| of == unit)
                    .map_or("", |(name, _)| name);
                format!("{}.{name}()", span.text())
            }
        }
    }

    fn any(choices: &mut Choices<'_>, near: i64) -> Self {
        let span = Span::any(choices, near);
        match choices.below(3) {
            0 => Self::Millis(span),
            _ => Self::Units(span, choices.pick(&UNITS).1),
        }
    }
}

impl Term {
    fn at(&self, now: i64) -> Evaluated<i64> {
        match self {
            Self::Instant(instant) => instant.at(now),
            Self::Span(span) => span.at(now),
            Self::Count(count) => count.at(now),
        }
    }

    fn moves(&self) -> bool {
        match self {
            Self::Instant(instant) => instant.moves(),
            Self::Span(span) => span.moves(),
            Self::Count(count) => count.moves(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Instant(instant) => instant.text(),
            Self::Span(span) => span.text(),
            Self::Count(count) => count.text(),
        }
    }
}

/// A number near another one, as often as not at the edge of a unit.
fn around(choices: &mut Choices<'_>, of: i64) -> i64 {
    let far = [
        0,
        1,
        -1,
        1000,
        -60_000,
        DAY,
        -DAY,
        DAY - 1,
        3 * 3_600_000,
        90_061_001,
        -90_061_001,
        i64::MAX,
        i64::MIN,
        i64::MAX / 2,
    ];
    let far = *choices.pick(&far);
    let near = i64::try_from(choices.below(5)).unwrap() - 2;
    of.saturating_add(far).saturating_add(near)
}

/// An instant to ask at.
pub fn any_now(choices: &mut Choices<'_>) -> i64 {
    let near = [0, 1_767_225_600_000, 951_868_799_999, -62_167_219_200_000];
    let near = *choices.pick(&near);
    around(choices, near)
}

impl Condition {
    /// A condition, of numbers near an instant.
    pub fn any(choices: &mut Choices<'_>, near: i64, depth: usize) -> Self {
        let deeper = |choices: &mut Choices<'_>| Box::new(Self::any(choices, near, depth - 1));
        match choices.below(if depth == 0 { 12 } else { 20 }) {
            0 => Self::Literal(choices.below(2) == 1),
            1 => Self::HasNow,
            2..12 => Self::comparison(choices, near),
            12 | 13 => Self::Not(deeper(choices)),
            14..17 => Self::And(deeper(choices), deeper(choices)),
            _ => Self::Or(deeper(choices), deeper(choices)),
        }
    }

    fn comparison(choices: &mut Choices<'_>, near: i64) -> Self {
        let sign = *choices.pick(&["<", "<=", ">", ">=", "==", "!="]);
        let other_moves = choices.once_in(16);
        let (a, mut b) = match choices.below(3) {
            0 => (
                Term::Instant(Instant::any(choices, near, 2)),
                Term::Instant(Instant::any(choices, near, 1)),
            ),
            1 => (
                Term::Span(Span::any(choices, near)),
                Term::Span(Span::any(choices, near)),
            ),
            _ => (
                Term::Count(Count::any(choices, near)),
                Term::Count(Count::any(choices, near)),
            ),
        };
        if !other_moves {
            // Near what it is compared with.
            let value = a.at(near).unwrap_or(near);
            let fixed = match choices.below(2) {
                0 => around(choices, value),
                _ => around(choices, 0),
            };
            b = match b {
                Term::Instant(_) => Term::Instant(Instant::Fixed(fixed)),
                Term::Span(_) => Term::Span(Span::Fixed(fixed)),
                Term::Count(_) => Term::Count(Count::Fixed(fixed)),
            };
        }
        match choices.below(2) {
            0 => Self::Compare(sign, a, b),
            _ => Self::Compare(sign, b, a),
        }
    }

    /// As Cedar's text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Literal(value) => value.to_string(),
            Self::HasNow => "context has now".to_owned(),
            Self::Compare(sign, a, b) => format!("{} {sign} {}", a.text(), b.text()),
            Self::Not(inner) => format!("!({})", inner.text()),
            Self::And(a, b) => format!("({}) && ({})", a.text(), b.text()),
            Self::Or(a, b) => format!("({}) || ({})", a.text(), b.text()),
        }
    }
}
