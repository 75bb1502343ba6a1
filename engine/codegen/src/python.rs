//! Generated Python, for the package `ghanti_flow`.

use std::fmt::Write;

use crate::conversation::{Answer, Conversation, Field, Kind, Message, Question, Variable};
use crate::names::{check, pascal, snake, upper};
use crate::{PREAMBLE, Problem, listed, one_line, quoted};

/// Reserved words, without soft keywords.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// The module `generated` of a flow.
pub fn generate(conversation: &Conversation) -> Result<String, Vec<Problem>> {
    check(conversation, identifier, upper)?;
    let mut code = format!(
        "\"\"\"{PREAMBLE}\"\"\"\n\nfrom __future__ import annotations\n\nimport datetime\nfrom dataclasses import dataclass\nfrom enum import StrEnum\n\nimport ghanti_flow as _flow\n\n"
    );
    for question in &conversation.questions {
        code += &choices(question);
    }
    code += "\nclass prompts:\n    \"\"\"What the flow says: the messages of prompts/. `say` takes them.\"\"\"\n";
    code += &conversation
        .messages
        .iter()
        .map(message)
        .collect::<String>();
    code +=
        "\n\nclass questions:\n    \"\"\"What the flow asks: `[questions]` of flow.toml.\"\"\"\n";
    code += &conversation
        .questions
        .iter()
        .map(question)
        .collect::<String>();
    if !conversation.settings.is_empty() {
        code += "\n\nclass settings:\n    \"\"\"`[settings]` of flow.toml, with what the operator sets.\"\"\"\n";
        for name in &conversation.settings {
            let _ = write!(
                code,
                "\n    @staticmethod\n    def {}() -> str:\n        return _flow.setting({})\n",
                identifier(name),
                quoted(name)
            );
        }
    }
    if !conversation.customer.is_empty() {
        code += &customer(&conversation.customer);
    }
    Ok(code)
}

fn identifier(name: &str) -> String {
    let name = snake(name);
    if KEYWORDS.contains(&name.as_str()) {
        format!("{name}_")
    } else {
        name
    }
}

/// A member of an enumeration. `mro` and `name` would be taken in lower case only.
fn member(name: &str) -> String {
    upper(name)
}

/// The name of a question's answers: with the suffix `Answer`, since other classes may have its name.
fn class(name: &str) -> String {
    format!("{}Answer", pascal(name))
}

/// A text within a string of three quotes.
fn comment(text: &str) -> String {
    let text = one_line(text)
        .replace('\\', "\\\\")
        .replace("\"\"\"", "'''");
    match text.strip_suffix('"') {
        Some(rest) => format!("{rest}'"),
        None => text,
    }
}

fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Digits => "str",
        Kind::Integer => "int",
        Kind::Money => "_flow.Money",
        Kind::Date => "datetime.date",
        Kind::Time => "datetime.time",
    }
}

fn parameters(variables: &[Variable]) -> String {
    if variables.is_empty() {
        return String::new();
    }
    let named =
        |variable: &Variable| format!("{}: {}", identifier(&variable.name), type_of(variable.kind));
    format!("*, {}", listed(variables, named))
}

fn arguments(variables: &[Variable]) -> String {
    let argument = |variable: &Variable| {
        format!(
            "_flow.argument({}, {}, {})",
            quoted(&variable.name),
            quoted(variable.kind.as_str()),
            identifier(&variable.name)
        )
    };
    listed(variables, argument)
}

fn message(message: &Message) -> String {
    format!(
        "\n    @staticmethod\n    def {}({}) -> _flow.Prompt:\n        \"\"\"{}\"\"\"\n        return _flow.template({}, [{}])\n",
        identifier(&message.name),
        parameters(&message.variables),
        comment(&message.words),
        quoted(&message.name),
        arguments(&message.variables)
    )
}

fn choices(question: &Question) -> String {
    let Answer::Choices(choices) = &question.answer else {
        return String::new();
    };
    let mut code = format!(
        "\nclass {}(StrEnum):\n    \"\"\"What answers `{}`.\"\"\"\n\n",
        class(&question.name),
        comment(&question.name)
    );
    for choice in choices
        .iter()
        .map(String::as_str)
        .chain(["no-input", "no-match"])
    {
        let _ = writeln!(code, "    {} = {}", member(choice), quoted(choice));
    }
    code.push('\n');
    code
}

fn question(question: &Question) -> String {
    let (of, read) = match &question.answer {
        Answer::Choices(_) => {
            let class = class(&question.name);
            (class.clone(), format!("_flow.chosen({class}, "))
        }
        answer => (
            format!("{} | _flow.NoAnswer", value(answer)),
            "_flow.heard(".to_owned(),
        ),
    };
    format!(
        "\n    @staticmethod\n    def {}({}) -> {of}:\n        \"\"\"{}\"\"\"\n        return {read}_flow.ask({}, [{}]))\n",
        identifier(&question.name),
        parameters(&question.variables),
        comment(&question.words),
        quoted(&question.name),
        arguments(&question.variables)
    )
}

fn value(answer: &Answer) -> &'static str {
    match answer {
        Answer::Choices(_) | Answer::Text | Answer::Digits | Answer::Phone => "str",
        Answer::Date => "datetime.date",
        Answer::Time => "datetime.time",
        Answer::Number => "int",
        Answer::Amount => "_flow.Money",
    }
}

fn customer(fields: &[Field]) -> String {
    let (mut declared, mut read) = (String::new(), String::new());
    for field in fields {
        let optional = if field.required { "" } else { " | None" };
        let name = identifier(&field.name);
        let _ = writeln!(declared, "    {name}: {}{optional}", type_of(field.kind));
        let _ = writeln!(read, "        {name}=record.get({}),", quoted(&field.name));
    }
    let kinds: Vec<_> = fields
        .iter()
        .map(|field| format!("{}: {}", quoted(&field.name), quoted(field.kind.as_str())))
        .collect();
    let required: Vec<_> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| quoted(&field.name))
        .collect();
    format!(
        "\n\n@dataclass(frozen=True)\nclass Customer:\n    \"\"\"The customer's record: `[customer]` of flow.toml.\"\"\"\n\n{declared}\n\n\
         def customer() -> Customer | None:\n    \"\"\"Reads the customer's record; `None` where required fields are missing or cannot be read, whose names are logged.\"\"\"\n    \
         return _flow.if_complete(_read_customer)\n\n\n\
         def _read_customer() -> Customer:\n    \
         record = _flow.record({{{}}}, required=[{}])\n    return Customer(\n{read}    )\n",
        kinds.join(", "),
        required.join(", ")
    )
}
