//! A report in JUnit's XML format, for CI servers: a suite for each flow, a case for each test and for each
//! finding of an exploration.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Tested, findings};

const EXPLORED: &str = "(explored)";

/// A case of a suite.
struct Case {
    name: String,
    seconds: f64,
    /// The failure, and the conversation that leads to it.
    failure: Option<(String, String)>,
}

/// The report of all flows.
pub fn report(all: &[Tested]) -> anyhow::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer
        .create_element("testsuites")
        .write_inner_content(|writer| {
            for tested in all {
                suite(writer, tested)?;
            }
            Ok(())
        })?;
    Ok(writer.into_inner())
}

fn suite(writer: &mut Writer<Vec<u8>>, tested: &Tested) -> std::io::Result<()> {
    let cases = cases(tested);
    let failed = cases.iter().filter(|case| case.failure.is_some()).count();
    let (name, count, failed) = (
        tested.flow.name.to_string(),
        cases.len().to_string(),
        failed.to_string(),
    );
    let seconds: f64 = cases.iter().map(|case| case.seconds).sum();
    let attributes = [
        ("name", name.as_str()),
        ("tests", &count),
        ("failures", &failed),
        ("time", &format!("{seconds:.6}")),
    ];
    writer
        .create_element("testsuite")
        .with_attributes(attributes)
        .write_inner_content(|writer| {
            for case in &cases {
                case.write(writer, &name)?;
            }
            Ok(())
        })
        .map(drop)
}

fn cases(tested: &Tested) -> Vec<Case> {
    let mut cases: Vec<_> = tested
        .checked
        .test_results
        .iter()
        .map(|result| {
            let complaints: Vec<_> = result.complaints.iter().map(ToString::to_string).collect();
            let conversation = || findings::conversation(&tested.conversation(result));
            Case {
                name: result.file.clone(),
                seconds: result.took.as_secs_f64(),
                failure: (!complaints.is_empty()).then(|| (complaints.join("\n"), conversation())),
            }
        })
        .collect();
    let errors = tested
        .further()
        .filter(|finding| finding.severity == ghanti_catalogue::Severity::Error);
    cases.extend(errors.map(|finding| Case {
        name: finding.step.to_string(),
        seconds: 0.0,
        failure: Some((
            findings::text(&tested.flow.folder, finding),
            findings::conversation(&tested.shown_by(finding)),
        )),
    }));
    if let Some(exploration) = &tested.checked.exploration {
        cases.push(Case {
            name: EXPLORED.to_owned(),
            seconds: exploration.took.as_secs_f64(),
            failure: None,
        });
    }
    cases
}

impl Case {
    fn write(&self, writer: &mut Writer<Vec<u8>>, suite: &str) -> std::io::Result<()> {
        let seconds = format!("{:.6}", self.seconds);
        let attributes = [
            ("classname", suite),
            ("name", self.name.as_str()),
            ("time", &seconds),
        ];
        let element = writer
            .create_element("testcase")
            .with_attributes(attributes);
        let Some((reason, conversation)) = &self.failure else {
            return element.write_empty().map(drop);
        };
        element
            .write_inner_content(|writer| {
                writer
                    .create_element("failure")
                    .with_attribute(("message", reason.as_str()))
                    .write_text_content(BytesText::new(conversation))
                    .map(drop)
            })
            .map(drop)
    }
}
