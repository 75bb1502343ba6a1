//! Generated Rust, for the crate `ghanti-flow`.

use std::fmt::Write;

use crate::conversation::{Answer, Conversation, Field, Kind, Message, Question, Variable};
use crate::names::{check, pascal, snake};
use crate::{PREAMBLE, Problem, listed, one_line};

/// Words that need `r#` before them.
const KEYWORDS: [&str; 47] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while",
];
/// Reserved words even with it.
const RESERVED: [&str; 4] = ["crate", "self", "super", "yield"];

/// The module `generated` of a flow.
pub fn generate(conversation: &Conversation) -> Result<String, Vec<Problem>> {
    check(conversation, identifier, variant)?;
    let mut code = format!(
        "//! {PREAMBLE}\n\n#![allow(dead_code, missing_docs, clippy::all, reason = \"a flow need not use all of it\")]\n"
    );
    if !conversation.messages.is_empty() {
        code += "\n/// What the flow says: the messages of prompts/. `say` takes them.\npub mod prompts {\n";
        code += &conversation
            .messages
            .iter()
            .map(message)
            .collect::<Vec<_>>()
            .join("\n");
        code += "}\n";
    }
    if !conversation.questions.is_empty() {
        code += "\n/// What the flow asks: `[questions]` of flow.toml.\npub mod questions {\n";
        code += &conversation
            .questions
            .iter()
            .map(question)
            .collect::<Vec<_>>()
            .join("\n");
        code += "}\n";
    }
    if !conversation.settings.is_empty() {
        code +=
            "\n/// `[settings]` of flow.toml, with what the operator sets.\npub mod settings {\n";
        code += &conversation
            .settings
            .iter()
            .map(|name| setting(name))
            .collect::<Vec<_>>()
            .join("\n");
        code += "}\n";
    }
    if !conversation.customer.is_empty() {
        code += &customer(&conversation.customer);
    }
    Ok(code)
}

fn identifier(name: &str) -> String {
    let name = snake(name);
    if KEYWORDS.contains(&name.as_str()) {
        format!("r#{name}")
    } else if RESERVED.contains(&name.as_str()) {
        format!("{name}_")
    } else {
        name
    }
}

fn variant(name: &str) -> String {
    let name = pascal(name);
    if name == "Self" {
        "Self_".to_owned()
    } else {
        name
    }
}

fn parameter(variable: &Variable) -> String {
    format!(
        "{}: {}",
        identifier(&variable.name),
        borrowed(variable.kind)
    )
}

fn parameters(variables: &[Variable]) -> String {
    listed(variables, parameter)
}

fn borrowed(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Digits => "&str",
        Kind::Integer => "i64",
        Kind::Money => "::ghanti_flow::Money",
        Kind::Date => "::ghanti_flow::Date",
        Kind::Time => "::ghanti_flow::TimeOfDay",
    }
}

fn arguments(variables: &[Variable]) -> String {
    let argument = |variable: &Variable| {
        let make = match variable.kind {
            Kind::Digits => "digits",
            _ => "argument",
        };
        format!(
            "::ghanti_flow::{make}({:?}, {})",
            variable.name,
            identifier(&variable.name)
        )
    };
    listed(variables, argument)
}

fn message(message: &Message) -> String {
    format!(
        "    /// {}\n    #[must_use = \"a prompt is spoken by `say`\"]\n    pub fn {}({}) -> ::ghanti_flow::Prompt {{\n        ::ghanti_flow::template({:?}, vec![{}])\n    }}\n",
        one_line(&message.words),
        identifier(&message.name),
        parameters(&message.variables),
        message.name,
        arguments(&message.variables)
    )
}

fn question(question: &Question) -> String {
    let name = variant(&question.name);
    let mut variants = String::new();
    let mut arms = String::new();
    let mut called = String::new();
    match &question.answer {
        Answer::Choices(choices) => {
            for choice in choices {
                let variant = variant(choice);
                let _ = writeln!(
                    variants,
                    "        /// `{}`\n        {variant},",
                    one_line(choice)
                );
                let _ = writeln!(
                    arms,
                    "            ::ghanti_flow::Reply::Choice(choice) if choice == {choice:?} => {name}::{variant},"
                );
                let _ = writeln!(called, "                {name}::{variant} => {choice:?},");
            }
            called = format!(
                "\n    impl {name} {{\n        /// What flow.toml calls it.\n        pub fn as_str(&self) -> &'static str {{\n            match self {{\n{called}                \
                 {name}::NoInput => \"no-input\",\n                {name}::NoMatch => \"no-match\",\n            }}\n        }}\n    }}\n"
            );
        }
        answer => {
            let (variant, of, doc, patterns) = value(answer);
            let _ = writeln!(variants, "        /// {doc}\n        {variant}({of}),");
            for pattern in patterns {
                let _ = writeln!(
                    arms,
                    "            ::ghanti_flow::Reply::{pattern} => {name}::{variant}(value),"
                );
            }
        }
    }
    format!(
        "    /// What answers `{question}`.\n    #[derive(Debug, Clone, PartialEq)]\n    pub enum {name} {{\n{variants}        /// Silence to the last attempt.\n        NoInput,\n        \
         /// Something, to the last attempt, that was no answer.\n        NoMatch,\n    }}\n{called}\n    /// {words}\n    pub fn {function}({parameters}) -> ::core::result::Result<{name}, ::ghanti_flow::Error> {{\n        \
         ::core::result::Result::Ok(match ::ghanti_flow::ask({asked:?}, &[{arguments}], &[])?.reply {{\n{arms}            ::ghanti_flow::Reply::NoInput => {name}::NoInput,\n            \
         _ => {name}::NoMatch,\n        }})\n    }}\n",
        question = one_line(&question.name),
        words = one_line(&question.words),
        function = identifier(&question.name),
        parameters = parameters(&question.variables),
        asked = question.name,
        arguments = arguments(&question.variables),
    )
}

type Patterns = &'static [&'static str];

fn value(answer: &Answer) -> (&'static str, &'static str, &'static str, Patterns) {
    match answer {
        Answer::Choices(_) | Answer::Text => (
            "Text",
            "::std::string::String",
            "The caller's words.",
            &["Text(value)"],
        ),
        Answer::Digits => (
            "Digits",
            "::std::string::String",
            "The digits, said or keyed.",
            &["Keys(value)", "Value(::ghanti_flow::Value::Digits(value))"],
        ),
        Answer::Phone => (
            "Phone",
            "::std::string::String",
            "The phone number.",
            &["Value(::ghanti_flow::Value::Digits(value))"],
        ),
        Answer::Date => (
            "Date",
            "::ghanti_flow::Date",
            "The date.",
            &["Value(::ghanti_flow::Value::Date(value))"],
        ),
        Answer::Time => (
            "Time",
            "::ghanti_flow::TimeOfDay",
            "The time.",
            &["Value(::ghanti_flow::Value::Time(value))"],
        ),
        Answer::Number => (
            "Number",
            "i64",
            "The number.",
            &["Value(::ghanti_flow::Value::Integer(value))"],
        ),
        Answer::Amount => (
            "Amount",
            "::ghanti_flow::Money",
            "The amount.",
            &["Value(::ghanti_flow::Value::Money(value))"],
        ),
    }
}

fn setting(name: &str) -> String {
    format!(
        "    /// `{}`\n    pub fn {}() -> ::core::result::Result<::std::string::String, ::ghanti_flow::Error> {{\n        ::ghanti_flow::setting({name:?})\n    }}\n",
        one_line(name),
        identifier(name)
    )
}

fn customer(fields: &[Field]) -> String {
    let (mut declared, mut read) = (String::new(), String::new());
    for field in fields {
        let (of, get) = match field.kind {
            Kind::Money => ("::ghanti_flow::Money", "money"),
            Kind::Date => ("::ghanti_flow::Date", "date"),
            _ => ("::std::string::String", "text"),
        };
        let name = identifier(&field.name);
        if field.required {
            let _ = writeln!(declared, "    pub {name}: {of},");
            let _ = writeln!(
                read,
                "        {name}: record.required({:?}, ::ghanti_flow::Record::{get})?,",
                field.name
            );
        } else {
            let _ = writeln!(declared, "    pub {name}: ::core::option::Option<{of}>,");
            let _ = writeln!(read, "        {name}: record.{get}({:?}),", field.name);
        }
    }
    let required: Vec<_> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| format!("{:?}", field.name))
        .collect();
    format!(
        "\n/// The customer's record: `[customer]` of flow.toml.\n#[derive(Debug, Clone)]\npub struct Customer {{\n{declared}}}\n\n\
         /// Reads the customer's record; `None` where required fields are missing or cannot be read, whose names are logged.\n\
         pub fn customer() -> ::core::result::Result<::core::option::Option<Customer>, ::ghanti_flow::Error> {{\n    ::ghanti_flow::if_complete(read_customer())\n}}\n\n\
         fn read_customer() -> ::core::result::Result<Customer, ::ghanti_flow::Error> {{\n    let record = ::ghanti_flow::Record::read(&[{}])?;\n    \
         ::core::result::Result::Ok(Customer {{\n{read}    }})\n}}\n",
        required.join(", ")
    )
}
