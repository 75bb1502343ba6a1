//! JSON values that tolerate a wrong type. A field of the wrong type counts as absent instead of
//! failing the whole message; code that needs the field reports it. Strings are borrowed from the
//! message: nothing is allocated unless a string has escapes.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// An object read key by key: later keys override earlier ones, unknown keys are ignored.
pub(crate) trait Object<'de>: Default {
    /// Reads the value of `key`, or calls [`skip`].
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Skips the value of an unknown key, however deeply nested.
pub(crate) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

/// An object; empty if the value has another type (`null`, `""`, a number, a list).
#[derive(Default)]
pub(crate) struct Lenient<T>(pub(crate) T);

/// A string or number; `Absent` for any other type.
#[derive(Default, Clone)]
pub(crate) enum Scalar<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Whole(u64),
    Fraction(f64),
}

/// Names with scalar values, in the order sent.
#[derive(Default)]
pub(crate) struct Pairs(pub(crate) Vec<(String, String)>);

/// The most pairs kept. Exotel documents three custom parameters; this bounds what a hostile
/// `start` can allocate.
const MAX_PAIRS: usize = 32;

impl<'a> Scalar<'a> {
    /// The string, or a number as a string; `None` if absent or blank.
    pub(crate) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Scalar::Absent => None,
            Scalar::Text(text) => (!text.trim().is_empty()).then_some(text),
            Scalar::Whole(number) => Some(Cow::Owned(number.to_string())),
            Scalar::Fraction(number) => Some(Cow::Owned(number.to_string())),
        }
    }

    /// A count, sent as `3`, `3.0` or `"3"`.
    pub(crate) fn count(&self) -> Option<u64> {
        match self {
            Scalar::Absent => None,
            Scalar::Text(text) => text.trim().parse().ok(),
            Scalar::Whole(number) => Some(*number),
            Scalar::Fraction(number) if *number >= 0.0 && number.fract() == 0.0 => {
                Some(*number as u64)
            }
            Scalar::Fraction(_) => None,
        }
    }
}

/// A key or string, borrowed from the message where possible.
#[derive(serde::Deserialize)]
struct Word<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de, T: Object<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(ObjectVisitor(PhantomData))
            .map(Lenient)
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

impl<'de> Object<'de> for Pairs {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let value: Scalar<'de> = map.next_value()?;
        if let Some(text) = value.into_text()
            && self.0.len() < MAX_PAIRS
        {
            self.0.push((key.to_owned(), text.into_owned()));
        }
        Ok(())
    }
}

/// Visitor methods for the JSON types that are not expected.
macro_rules! otherwise {
    ($value:expr; $($method:ident: $type:ty),*) => {
        $(fn $method<E>(self, _: $type) -> Result<Self::Value, E> {
            Ok($value)
        })*

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok($value)
        }
    };
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Object<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut object = T::default();
        while let Some(Word(key)) = map.next_key()? {
            object.take(&key, &mut map)?;
        }
        Ok(object)
    }

    otherwise!(T::default(); visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Whole(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Fraction(number))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Absent)
    }

    otherwise!(Scalar::Absent; visit_bool: bool, visit_i64: i64);
}
