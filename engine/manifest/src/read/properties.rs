//! Parses `[properties]`.

use toml::de::DeValue;

use crate::properties::{Fact, Moment, Order, Properties};
use crate::reader::{Item, Reader};

/// The longest call that a property may allow: an hour, the longest that `[limits]` allows.
const LONGEST_S: u64 = 3_600;

impl Reader<'_> {
    pub(super) fn properties(&mut self, item: &Item<'_>) -> Properties {
        let mut properties = Properties {
            line: self.line(item.span()),
            ..Properties::default()
        };
        let known = ["gate", "every-path-ends", "longest-call", "never", "always"];
        self.section("properties", item, &known, |reader, name, item| {
            match name {
                "gate" => properties.gate = reader.boolean(name, item).unwrap_or_default(),
                "every-path-ends" => {
                    properties.every_path_ends = reader.boolean(name, item).unwrap_or_default();
                }
                "longest-call" => properties.longest_call_ms = reader.call_length(name, item),
                "never" | "always" => {
                    let orders = reader.orders(name, item);
                    properties.orders.extend(orders);
                }
                _ => return false,
            }
            true
        });
        properties.orders.sort_by_key(|order| order.line);
        properties
    }

    fn call_length(&mut self, name: &str, item: &Item<'_>) -> Option<u64> {
        let text = self.string(name, item)?;
        let units = [("s", 1), ("m", 60)];
        let seconds = units.into_iter().find_map(|(unit, seconds)| {
            let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
            number.checked_mul(seconds)
        });
        let seconds = seconds.filter(|seconds| (1..=LONGEST_S).contains(seconds));
        if seconds.is_none() {
            self.expect(
                name,
                item,
                "a time up to an hour, such as \"90s\" or \"4m\"",
            );
        }
        seconds.map(|seconds| seconds * 1_000)
    }

    fn orders(&mut self, name: &str, item: &Item<'_>) -> Vec<Order> {
        let is_never = name == "never";
        let what = if is_never {
            "tables such as { say = \"TEMPLATE\", before = \"identity\" }; `before` may be \"heard:TEMPLATE\""
        } else {
            "tables such as { heard = \"TEMPLATE\", before = \"ask:QUESTION\" }; `established` may stand for `heard`, and `before` may be \"say:TEMPLATE\", \"transfer\" or \"transfer:TARGET\""
        };
        let DeValue::Array(items) = item.get_ref() else {
            self.expect(name, item, what);
            return Vec::new();
        };
        let mut orders = Vec::new();
        for item in items {
            let errors = self.errors.len();
            let (facts, moments) = if is_never {
                self.never(name, item)
            } else {
                self.always(name, item)
            };
            let is_read = !moments.is_empty() && facts.len() == 1;
            if !is_read && self.errors.len() == errors {
                self.expect(name, item, what);
            }
            let line = self.line(item.span());
            for fact in facts {
                orders.extend(moments.iter().map(|moment| Order {
                    fact: fact.clone(),
                    moment: moment.clone(),
                    is_never,
                    line,
                }));
            }
        }
        orders
    }

    fn never(&mut self, name: &str, item: &Item<'_>) -> (Vec<Fact>, Vec<Moment>) {
        let (mut facts, mut moments) = (Vec::new(), Vec::new());
        self.section(
            name,
            item,
            &["say", "ask", "before"],
            |reader, key, item| {
                match key {
                    "say" => moments.extend(reader.names(key, item).into_iter().map(Moment::Say)),
                    "ask" => moments.extend(reader.names(key, item).into_iter().map(Moment::Ask)),
                    "before" => {
                        let required = reader.requires(key, item);
                        facts.extend(required.iter().map(|name| Fact::named(name)));
                    }
                    _ => return false,
                }
                true
            },
        );
        (facts, moments)
    }

    fn always(&mut self, name: &str, item: &Item<'_>) -> (Vec<Fact>, Vec<Moment>) {
        let (mut facts, mut moments) = (Vec::new(), Vec::new());
        let known = ["heard", "established", "before"];
        self.section(name, item, &known, |reader, key, item| {
            match key {
                "heard" => facts.extend(reader.string(key, item).map(Fact::Heard)),
                "established" => {
                    let names = reader.requires(key, item);
                    facts.extend(names.iter().map(|name| Fact::named(name)));
                }
                "before" => moments.extend(reader.each(key, item, Moment::parse)),
                _ => return false,
            }
            true
        });
        (facts, moments)
    }

    fn names(&mut self, name: &str, item: &Item<'_>) -> Vec<String> {
        self.each(name, item, |text| Ok(text.to_owned()))
    }
}
