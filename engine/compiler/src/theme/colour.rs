//! Colours, and how far they stand apart (WCAG 2.2: relative luminance, contrast ratio).

use std::fmt;

/// Red, green and blue of sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour([u8; 3]);

impl Colour {
    const BLACK: Self = Self([0; 3]);
    const WHITE: Self = Self([255; 3]);

    /// `#rrggbb`, or `#rgb` as the widget's own sheet has it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let hex = |at: usize, digits: &str| u8::from_str_radix(digits.get(at..=at)?, 16).ok();
        let mut out = [0; 3];
        for (at, channel) in out.iter_mut().enumerate() {
            let (high, low) = match digits.len() {
                3 => (at, at),
                6 => (2 * at, 2 * at + 1),
                _ => return None,
            };
            *channel = hex(high, digits)? * 16 + hex(low, digits)?;
        }
        Some(Self(out))
    }

    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            match value <= 0.040_45 {
                true => value / 12.92,
                false => ((value + 0.055) / 1.055).powf(2.4),
            }
        };
        let Self([red, green, blue]) = self;
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    /// From 1 to 21.
    pub(super) fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// The colour that has a contrast to another one and is nearest to this one, on the way to black or to white. There is one
    /// for every contrast up to 4.58: black or white has that to any colour.
    pub(super) fn nearest(self, other: Self, contrast: f64) -> Option<Self> {
        (0..=255).find_map(|step| {
            [Self::BLACK, Self::WHITE]
                .map(|end| self.towards(end, step))
                .into_iter()
                .find(|colour| colour.contrast(other) >= contrast)
        })
    }

    fn towards(self, end: Self, step: u16) -> Self {
        let mut out = self;
        for (channel, end) in out.0.iter_mut().zip(end.0) {
            let mixed = u16::from(*channel) * (255 - step) + u16::from(end) * step;
            *channel = u8::try_from(mixed / 255).unwrap_or(end);
        }
        out
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([red, green, blue]) = self;
        write!(to, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::Colour;

    #[test]
    fn contrast_is_as_the_guidelines_reckon_it() {
        for (one, other, wanted) in [
            ("#000000", "#ffffff", 21.0),
            ("#fff", "#ffffff", 1.0),
            // The lightest grey that passes on white, and the next one.
            ("#767676", "#ffffff", 4.54),
            ("#777777", "#ffffff", 4.48),
        ] {
            let [one, other] = [one, other].map(|text| Colour::read(text).unwrap());
            assert!((one.contrast(other) - wanted).abs() < 0.01, "{one} {other}");
            assert!((other.contrast(one) - wanted).abs() < 0.01, "{other} {one}");
        }
    }

    #[test]
    fn what_is_no_colour_is_none() {
        for text in [
            "", "#", "red", "#12345", "#12345g", "123456", "#+12345", "#é234",
        ] {
            assert_eq!(Colour::read(text), None, "{text}");
        }
    }

    #[test]
    fn there_is_a_colour_with_enough_contrast_to_any_other() {
        for channel in 0..=255u8 {
            let surface = Colour([channel, 255 - channel, channel / 2]);
            for text in [Colour::BLACK, surface, Colour::WHITE] {
                let found = text.nearest(surface, 4.5).unwrap();
                assert!(found.contrast(surface) >= 4.5, "{text} {surface}");
                if text.contrast(surface) >= 4.5 {
                    assert_eq!(found, text, "what is right stays");
                }
            }
        }
    }
}
