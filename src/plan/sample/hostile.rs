//! The plan with hostile text in every field that carries any.

use std::collections::BTreeMap;

use serde_json::json;

use super::mixed;
use crate::base::ident::{
    ChangeId, ContainerId, ContainerName, ProjectName, Reference, SetName, StepId,
};
use crate::plan::{
    Action, Because, EnvironmentDifference, Impact, OptionDifference, Origin, Plan, Planned,
    Reason, Subject, Warning,
};
use crate::spec::State;

/// What a container may bring along: escapes, bidirectional marks, markup, a megabyte.
pub(crate) const HOSTILE: &str =
    "\u{1b}[2J\u{202e}\u{200b}\u{2028}\r\n\"\\`|<img src=x>@all #1 [a](b) ~~x~~ \u{e0041}";

/// A plan with hostile text in every field that carries any.
#[expect(clippy::too_many_lines, reason = "one record after the other")]
pub(crate) fn hostile() -> Plan {
    let mut plan = mixed();
    let long = format!("{HOSTILE}{}", "x".repeat(1 << 20));
    plan.project = ProjectName::new(&*long);
    if let Some(target) = &mut plan.target {
        target.name.clone_from(&long);
        target.platform.clone_from(&long);
    }
    plan.warnings.push(Warning {
        code: long.clone(),
        set: Some(SetName::new(&*long)),
        text: long.clone(),
    });
    plan.assumed.push(Reference::EnvFile { path: long.clone(), name: long.clone() });
    plan.declared = json!({"project": long, "containers": {&*long: {"labels": {&*long: long}}}});
    for change in &mut plan.changes {
        change.id = ChangeId::new(format!("{}{long}", change.id));
        change.set = Some(SetName::new(&*long));
        for values in change.dangerous.values_mut() {
            values.push(long.clone());
        }
        let texts = vec![long.clone(), long.clone()];
        change.impact = Impact {
            keeps: texts.clone(),
            unmounts: texts.clone(),
            loses: texts.clone(),
            drops: texts.clone(),
            may_change: texts.clone(),
            interrupts: texts.clone(),
        };
        change.reasons.push(Reason::Option(OptionDifference {
            option: long.clone(),
            origin: Origin::Image,
            expected: json!({&*long: [long]}),
            found: json!(long),
            in_place: false,
            references: None,
        }));
        change.reasons.push(Reason::Environment(EnvironmentDifference {
            option: long.clone(),
            origin: Origin::Unknown,
            added: texts.clone(),
            changed: texts.clone(),
            removed: texts,
            values: BTreeMap::new(),
        }));
        change.reasons.push(Reason::Because(Because::ImageMoved {
            reference: long.clone(),
            expected: long.clone(),
            found: Some(long.clone()),
        }));
        change
            .reasons
            .push(Reason::Because(Because::State { expected: State::Killed, found: long.clone() }));
    }
    for step in &mut plan.steps {
        step.id = StepId::new(format!("{}{long}", step.id));
        step.after = vec![StepId::new(&*long)];
        match &mut step.action {
            Action::Create { name, final_name, set, .. } => {
                (*name, *final_name) = (ContainerName::new(&*long), ContainerName::new(&*long));
                *set = SetName::new(&*long);
            }
            Action::Rename { from, to, .. } => {
                (*from, *to) = (ContainerName::new(&*long), ContainerName::new(&*long));
            }
            Action::Stop { container, signal, .. } => {
                *container = Subject::Container(ContainerId::new(&*long));
                *signal = Some(long.clone());
            }
            _ => {}
        }
    }
    let planned: Vec<Planned> = plan.planned.values().cloned().collect();
    plan.planned.clear();
    for (number, mut planned) in planned.into_iter().enumerate() {
        planned.reference.clone_from(&long);
        let own = [(long.clone(), json!({&*long: [long]}))].into();
        planned.containers = [(ContainerName::new(&*long), own)].into();
        planned.options.insert(long.clone(), json!({&*long: [long]}));
        planned.from_image = Some([(long.clone(), json!([long]))].into());
        plan.planned.insert(SetName::new(format!("{number}{long}")), planned);
    }
    for report in plan.sets.values_mut() {
        for matched in &mut report.matched {
            matched.name = ContainerName::new(&*long);
        }
    }
    plan
}
