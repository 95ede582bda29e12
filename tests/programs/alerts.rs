//! The alerts, by Prometheus' own tool.

use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::Failed;

pub(crate) fn promtool() -> Option<PathBuf> {
    crate::program("promtool/promtool")
}

/// Each alert has a case in which it fires, and all cases hold.
pub(crate) fn fire() -> Result<(), Failed> {
    let cases = include_str!("../../deploy/alerts_test.yml");
    let rules = include_str!("../../deploy/alerts.yml").lines();
    for alert in rules.filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let mut found = cases.split("- alertname: ").filter_map(|case| case.strip_prefix(alert));
        assert!(
            found.any(|case| case.starts_with('\n') && case.contains("exp_labels")),
            "{alert} has no case"
        );
    }
    for what in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
        let mut run = Command::new(promtool().ok_or("it is gone")?);
        let run = run.args(what).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy"));
        crate::says(&run.output()?, "SUCCESS")?;
    }
    Ok(())
}
