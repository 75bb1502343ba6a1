//! `[properties]`: what has to hold on every path through the conversation, however callers answer.
//!
//! Rules of `[prompts]` and `[questions]` refuse at runtime what a flow should not do; a property
//! finds before any call that a flow would do it. Every one is an order: something is heard or
//! established before something else happens.

use std::fmt;

/// Prefix of the names that only the engine can establish, from marks: `heard:disclosure`.
pub const HEARD: &str = "heard:";

/// The properties of a flow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// `never` and `always`, in the order of the file.
    pub orders: Vec<Order>,
    /// `every-path-ends`: every path ends by itself, with an outcome.
    pub every_path_ends: bool,
    /// `longest-call`: the longest that the call of any path may take, in milliseconds.
    pub longest_call_ms: Option<u64>,
    /// The section's line in the manifest, from 1.
    pub line: usize,
    /// `gate`: a version with a path that breaks a property takes no calls.
    pub gate: bool,
}

impl Properties {
    /// Whether there is nothing to check.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty() && !self.every_path_ends && self.longest_call_ms.is_none()
    }
}

/// Something happens only after a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What has to be so before.
    pub fact: Fact,
    /// What happens only then.
    pub moment: Moment,
    /// Whether it is written as `never`.
    pub is_never: bool,
    /// Its line in the manifest, from 1.
    pub line: usize,
}

/// Something that may be so at a point of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The flow has established it.
    Established(String),
    /// The template was heard to its end.
    Heard(String),
}

impl Fact {
    /// Reads a name, or `heard:` and a template.
    pub(crate) fn named(text: &str) -> Self {
        match text.strip_prefix(HEARD) {
            Some(template) => Self::Heard(template.to_owned()),
            None => Self::Established(text.to_owned()),
        }
    }

    /// As a refusal names what is missing: `identity`, `heard:disclosure`.
    pub fn name(&self) -> String {
        match self {
            Self::Established(name) => name.clone(),
            Self::Heard(template) => format!("{HEARD}{template}"),
        }
    }
}

/// Something that happens in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// A template is said.
    Say(String),
    /// A question is asked.
    Ask(String),
    /// The call goes to an agent: to this target, or to any.
    Transfer(Option<String>),
}

type Named = fn(String) -> Moment;

impl Moment {
    /// What begins the name of a template, a question and a target.
    const PREFIXES: [(&'static str, Named); 3] = [
        ("say:", Self::Say),
        ("ask:", Self::Ask),
        ("transfer:", |target| Self::Transfer(Some(target))),
    ];

    /// Reads `transfer`, `transfer:TARGET`, `ask:QUESTION` or `say:TEMPLATE`; the error is a hint.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "transfer" {
            return Ok(Self::Transfer(None));
        }
        let named = Self::PREFIXES.into_iter().find_map(|(prefix, of)| {
            let name = text.strip_prefix(prefix).filter(|name| !name.is_empty())?;
            Some(of(name.to_owned()))
        });
        named.ok_or_else(|| {
            "give `ask:QUESTION`, `say:TEMPLATE`, `transfer` or `transfer:TARGET`".to_owned()
        })
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Established(name) => write!(f, "`{name}` is established"),
            Self::Heard(template) => write!(f, "`{template}` was heard"),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Say(template) => write!(f, "`{template}` is said"),
            Self::Ask(question) => write!(f, "the question `{question}` is asked"),
            Self::Transfer(None) => f.write_str("a transfer"),
            Self::Transfer(Some(target)) => write!(f, "a transfer to `{target}`"),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_never {
            write!(f, "never {} before {}", self.moment, self.fact)
        } else {
            write!(f, "always {} before {}", self.fact, self.moment)
        }
    }
}

impl Order {
    /// Its name as a rule, which cannot get lost unnoticed.
    pub(crate) fn rule(&self) -> String {
        let moment = match &self.moment {
            Moment::Say(template) => format!("say:{template}"),
            Moment::Ask(question) => format!("ask:{question}"),
            Moment::Transfer(None) => "transfer".to_owned(),
            Moment::Transfer(Some(target)) => format!("transfer:{target}"),
        };
        format!("properties.{moment}.after.{}", self.fact.name())
    }
}

#[cfg(test)]
mod tests {
    use crate::Manifest;

    const PROPERTIES: &str = r#"
[properties]
gate = true
every-path-ends = true
longest-call = "4m"
never = [
  { say = ["emi-details", "emi-details-overdue"], before = "identity" },
  { say = "offer", before = "heard:disclosure" },
]
always = [
  { heard = "disclosure", before = "ask:transfer" },
  { established = "identity", before = ["transfer", "transfer:legal"] },
]
"#;

    #[test]
    fn properties_are_read_as_orders_of_a_fact_and_a_moment() {
        let properties = Manifest::parse(PROPERTIES).unwrap().properties;
        assert!(properties.gate && properties.every_path_ends);
        assert_eq!(properties.longest_call_ms, Some(240_000));
        let reported: Vec<_> = properties
            .orders
            .iter()
            .map(|order| format!("{} {order}", order.line))
            .collect();
        assert_eq!(
            reported,
            [
                "7 never `emi-details` is said before `identity` is established",
                "7 never `emi-details-overdue` is said before `identity` is established",
                "8 never `offer` is said before `disclosure` was heard",
                "11 always `disclosure` was heard before the question `transfer` is asked",
                "12 always `identity` is established before a transfer",
                "12 always `identity` is established before a transfer to `legal`",
            ]
        );
        assert!(Manifest::default().properties.is_empty());
    }

    #[test]
    fn a_property_that_says_nothing_is_reported_with_its_line() {
        for (line, words) in [
            ("never = [{ say = 'x' }]", "`never` takes"),
            ("never = [{ before = 'identity' }]", "`never` takes"),
            (
                "never = [{ say = 'x', before = 'Identity' }]",
                "`before` has `Identity`",
            ),
            (
                "always = [{ heard = 'x', before = 'transfr' }]",
                "`ask:QUESTION`",
            ),
            (
                "always = [{ heard = 'x', established = 'y', before = 'transfer' }]",
                "`always` takes",
            ),
            ("always = [{ before = 'transfer' }]", "`always` takes"),
            ("never = 'x before y'", "`never` takes"),
            ("longest-call = '4'", "`longest-call`"),
            ("longest-call = '0s'", "`longest-call`"),
            ("ends = true", "unknown key `ends`"),
        ] {
            let errors = Manifest::parse(&format!("[properties]\n{line}\n")).unwrap_err();
            assert_eq!(errors[0].line, 2, "{line}: {errors:?}");
            assert!(errors[0].message.contains(words), "{line}: {errors:?}");
        }
    }

    #[test]
    fn a_property_is_a_rule_that_does_not_get_lost() {
        let before = Manifest::parse(PROPERTIES).unwrap().rules();
        let without = Manifest::parse(&PROPERTIES.replace("gate = true", "")).unwrap();
        assert_eq!(without.lost_rules(&before), ["properties.gate"]);
        let lost = Manifest::default().lost_rules(&before);
        assert!(
            lost.contains(&"properties.ask:transfer.after.heard:disclosure".to_owned()),
            "{lost:?}"
        );
        let dropped = format!(
            "[update]\ndrops-rules = ['properties.gate']\n{}",
            PROPERTIES.replace("gate = true", "")
        );
        let dropped = Manifest::parse(&dropped).unwrap();
        assert_eq!(dropped.lost_rules(&before), Vec::<String>::new());
    }
}
