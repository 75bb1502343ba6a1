//! Generated TypeScript, for the package `ghanti-flow`.

use std::fmt::Write;

use crate::conversation::{Answer, Conversation, Field, Kind, Message, Question, Variable};
use crate::names::{camel, check, pascal};
use crate::{PREAMBLE, Problem, listed, one_line, quoted};

/// The module `generated` of a flow.
pub fn generate(conversation: &Conversation) -> Result<String, Vec<Problem>> {
    check(conversation, camel, str::to_owned)?;
    let mut code = format!(
        "// {PREAMBLE}\n\nimport * as flow from \"ghanti-flow\";\n\n/** What the flow says: the messages of prompts/. `say` takes them. */\nexport const prompts = {{\n"
    );
    code += &conversation
        .messages
        .iter()
        .map(message)
        .collect::<String>();
    code += "};\n\n/** What the flow asks: `[questions]` of flow.toml. */\nexport const questions = {\n";
    code += &conversation
        .questions
        .iter()
        .map(question)
        .collect::<String>();
    code += "};\n";
    for question in &conversation.questions {
        let _ = write!(
            code,
            "\n/** What answers `{}`. */\nexport type {} = {};\n",
            comment(&question.name),
            pascal_type(&question.name),
            answer(&question.answer)
        );
    }
    if !conversation.settings.is_empty() {
        code += "\n/** `[settings]` of flow.toml, with what the operator sets. */\nexport const settings = {\n";
        for name in &conversation.settings {
            let _ = writeln!(
                code,
                "  {}: (): string => flow.setting({}),",
                camel(name),
                quoted(name)
            );
        }
        code += "};\n";
    }
    if !conversation.customer.is_empty() {
        code += &customer(&conversation.customer);
    }
    Ok(code)
}

/// A text within a comment, which it must not end.
fn comment(text: &str) -> String {
    one_line(text).replace("*/", "* /")
}

/// The name of a question's type: with the suffix `Answer`, since `Date` and `Error` are taken.
fn pascal_type(name: &str) -> String {
    format!("{}Answer", pascal(name))
}

fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Digits => "string",
        Kind::Integer => "number",
        Kind::Money => "flow.Money",
        Kind::Date => "flow.CalendarDate",
        Kind::Time => "flow.TimeOfDay",
    }
}

fn parameters(variables: &[Variable]) -> String {
    if variables.is_empty() {
        return String::new();
    }
    let fields: Vec<_> = variables
        .iter()
        .map(|variable| format!("{}: {}", camel(&variable.name), type_of(variable.kind)))
        .collect();
    format!("values: {{ {} }}", fields.join("; "))
}

fn arguments(variables: &[Variable]) -> String {
    let argument = |variable: &Variable| {
        format!(
            "flow.argument({}, {}, values.{})",
            quoted(&variable.name),
            quoted(variable.kind.as_str()),
            camel(&variable.name)
        )
    };
    listed(variables, argument)
}

fn message(message: &Message) -> String {
    format!(
        "  /** {} */\n  {}: ({}): flow.Prompt => flow.template({}, [{}]),\n",
        comment(&message.words),
        camel(&message.name),
        parameters(&message.variables),
        quoted(&message.name),
        arguments(&message.variables)
    )
}

fn question(question: &Question) -> String {
    let read = match &question.answer {
        Answer::Choices(choices) => {
            let choices: Vec<_> = choices.iter().map(|choice| quoted(choice)).collect();
            format!("flow.chosen([{}], ", choices.join(", "))
        }
        answer => format!("flow.heard<{}>(", value(answer)),
    };
    format!(
        "  /** {} */\n  {}: ({}): {} => {read}flow.ask({}, [{}])),\n",
        comment(&question.words),
        camel(&question.name),
        parameters(&question.variables),
        pascal_type(&question.name),
        quoted(&question.name),
        arguments(&question.variables)
    )
}

fn value(answer: &Answer) -> &'static str {
    match answer {
        Answer::Choices(_) | Answer::Text | Answer::Digits | Answer::Phone => "string",
        Answer::Date => "flow.CalendarDate",
        Answer::Time => "flow.TimeOfDay",
        Answer::Number => "number",
        Answer::Amount => "flow.Money",
    }
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Choices(choices) => {
            let choices = choices.iter().map(|choice| quoted(choice));
            choices
                .chain(["flow.NoAnswer".to_owned()])
                .collect::<Vec<_>>()
                .join(" | ")
        }
        answer => format!("{{ value: {} }} | flow.NoAnswer", value(answer)),
    }
}

fn customer(fields: &[Field]) -> String {
    let (mut declared, mut read) = (String::new(), String::new());
    for field in fields {
        let optional = if field.required { "" } else { " | null" };
        let (name, of) = (camel(&field.name), type_of(field.kind));
        let _ = writeln!(declared, "  {name}: {of}{optional};");
        let get = if field.required {
            "required"
        } else {
            "optional"
        };
        let _ = writeln!(
            read,
            "    {name}: record.{get}<{of}>({}, {}),",
            quoted(&field.name),
            quoted(field.kind.as_str())
        );
    }
    let required: Vec<_> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| format!("{}: {}", quoted(&field.name), quoted(field.kind.as_str())))
        .collect();
    let required = if required.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", required.join(", "))
    };
    format!(
        "\n/** The customer's record: `[customer]` of flow.toml. */\nexport interface Customer {{\n{declared}}}\n\n\
         /** Reads the customer's record; null where required fields are missing or cannot be read, whose names are logged. */\n\
         export function customer(): Customer | null {{\n  return flow.ifComplete(readCustomer);\n}}\n\n\
         function readCustomer(): Customer {{\n  const record = flow.Fields.read({required});\n  return {{\n{read}  }};\n}}\n"
    )
}
