//! The user, the machine and the CI job that run this program, from the environment.
//!
//! The data is only reported and stored; no decision depends on the data.

use crate::apply::record::{By, Ci};
use crate::engine::known;

/// A CI system, with its variables.
struct System {
    name: &'static str,
    /// The variable that only jobs of this CI set.
    mark: &'static str,
    /// The URL of the job: parts, each a variable or, after `=`, a literal.
    url: &'static [&'static str],
    /// The variables with the actor; the first set variable is used.
    actor: &'static [&'static str],
    commit: &'static str,
}

/// A CI that also sets variables of another CI comes before the other CI.
const SYSTEMS: &[System] = &[
    System {
        name: "Gitea Actions",
        mark: "GITEA_ACTIONS",
        url: GITHUB_RUN,
        actor: &["GITHUB_ACTOR"],
        commit: "GITHUB_SHA",
    },
    System {
        name: "Forgejo Actions",
        mark: "FORGEJO_ACTIONS",
        url: GITHUB_RUN,
        actor: &["GITHUB_ACTOR"],
        commit: "GITHUB_SHA",
    },
    System {
        name: "GitHub Actions",
        mark: "GITHUB_ACTIONS",
        url: GITHUB_RUN,
        actor: &["GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"],
        commit: "GITHUB_SHA",
    },
    System {
        name: "GitLab CI",
        mark: "GITLAB_CI",
        url: &["CI_JOB_URL"],
        actor: &["GITLAB_USER_LOGIN"],
        commit: "CI_COMMIT_SHA",
    },
    System {
        name: "Jenkins",
        mark: "JENKINS_URL",
        url: &["BUILD_URL"],
        actor: &["BUILD_USER_ID", "CHANGE_AUTHOR"],
        commit: "GIT_COMMIT",
    },
    System {
        name: "Buildkite",
        mark: "BUILDKITE",
        url: &["BUILDKITE_BUILD_URL", "=#", "BUILDKITE_JOB_ID"],
        actor: &["BUILDKITE_BUILD_CREATOR"],
        commit: "BUILDKITE_COMMIT",
    },
    System {
        name: "CircleCI",
        mark: "CIRCLECI",
        url: &["CIRCLE_BUILD_URL"],
        actor: &["CIRCLE_USERNAME"],
        commit: "CIRCLE_SHA1",
    },
    System {
        name: "Azure Pipelines",
        mark: "TF_BUILD",
        url: &[
            "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI",
            "SYSTEM_TEAMPROJECT",
            "=/_build/results?buildId=",
            "BUILD_BUILDID",
        ],
        actor: &["BUILD_REQUESTEDFOR"],
        commit: "BUILD_SOURCEVERSION",
    },
    System {
        name: "Woodpecker CI",
        mark: "CI_PIPELINE_FORGE_URL",
        url: &["CI_PIPELINE_URL"],
        actor: &["CI_PIPELINE_AUTHOR", "CI_COMMIT_AUTHOR"],
        commit: "CI_COMMIT_SHA",
    },
    System {
        name: "Drone CI",
        mark: "DRONE",
        url: &["DRONE_BUILD_LINK"],
        actor: &["DRONE_BUILD_TRIGGER", "DRONE_COMMIT_AUTHOR"],
        commit: "DRONE_COMMIT_SHA",
    },
    System {
        name: "Bitbucket Pipelines",
        mark: "BITBUCKET_BUILD_NUMBER",
        url: &["BITBUCKET_GIT_HTTP_ORIGIN", "=/pipelines/results/", "BITBUCKET_BUILD_NUMBER"],
        actor: &["BITBUCKET_STEP_TRIGGERER_UUID"],
        commit: "BITBUCKET_COMMIT",
    },
    System {
        name: "Travis CI",
        mark: "TRAVIS",
        url: &["TRAVIS_JOB_WEB_URL"],
        actor: &[],
        commit: "TRAVIS_COMMIT",
    },
];

const GITHUB_RUN: &[&str] =
    &["GITHUB_SERVER_URL", "=/", "GITHUB_REPOSITORY", "=/actions/runs/", "GITHUB_RUN_ID"];

/// The user, machine and CI job of this process.
pub fn me() -> By {
    by(&|name| std::env::var(name).ok())
}

fn by(get: &dyn Fn(&str) -> Option<String>) -> By {
    let user = ["USER", "LOGNAME"].iter().find_map(|name| told(get, name));
    let number = || match rustix::process::geteuid() {
        root if root.is_root() => "root".to_owned(),
        other => format!("uid {}", other.as_raw()),
    };
    By {
        user: user.unwrap_or_else(number),
        sudo_user: told(get, "SUDO_USER"),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        ci: ci(get),
    }
}

fn ci(get: &dyn Fn(&str) -> Option<String>) -> Option<Ci> {
    let system = SYSTEMS.iter().find(|system| told(get, system.mark).is_some())?;
    let part = |part: &&str| match part.strip_prefix('=') {
        Some(word) => Some(word.to_owned()),
        None => told(get, part),
    };
    let url: Option<Vec<String>> = system.url.iter().map(part).collect();
    Some(Ci {
        system: system.name.to_owned(),
        url: url.map(|parts| parts.concat()),
        actor: system.actor.iter().find_map(|name| told(get, name)),
        commit: told(get, system.commit),
    })
}

/// The value of a variable, without known secrets and without users in addresses.
fn told(get: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    get(name).filter(|value| !value.is_empty()).map(|value| known::struck(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> By {
        by(&|name| {
            let pair = pairs.iter().find(|(key, _)| *key == name);
            pair.map(|(_, value)| (*value).to_owned())
        })
    }

    type Variables = &'static [(&'static str, &'static str)];

    /// A CI, the variables of its jobs, and the URL of the job.
    const CASES: &[(&str, Variables, &str)] = &[
        (
            "GitHub Actions",
            &[
                ("CI", "true"),
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_SERVER_URL", "https://github.com"),
                ("GITHUB_REPOSITORY", "acme/shop"),
                ("GITHUB_RUN_ID", "42"),
                ("GITHUB_ACTOR", "ann"),
                ("GITHUB_SHA", "c0ffee"),
            ],
            "https://github.com/acme/shop/actions/runs/42",
        ),
        (
            "GitLab CI",
            &[
                ("GITLAB_CI", "true"),
                ("CI_JOB_URL", "https://user:token@gitlab.acme.com/shop/-/jobs/7"),
                ("GITLAB_USER_LOGIN", "ann"),
                ("CI_COMMIT_SHA", "c0ffee"),
            ],
            "https://«hidden»@gitlab.acme.com/shop/-/jobs/7",
        ),
        (
            "Jenkins",
            &[
                ("JENKINS_URL", "https://ci/"),
                ("BUILD_URL", "https://ci/job/shop/7/"),
                ("BUILD_USER_ID", "ann"),
                ("GIT_COMMIT", "c0ffee"),
            ],
            "https://ci/job/shop/7/",
        ),
        (
            "Buildkite",
            &[
                ("BUILDKITE", "true"),
                ("BUILDKITE_BUILD_URL", "https://buildkite.com/acme/shop/builds/7"),
                ("BUILDKITE_JOB_ID", "0190"),
                ("BUILDKITE_BUILD_CREATOR", "ann"),
                ("BUILDKITE_COMMIT", "c0ffee"),
            ],
            "https://buildkite.com/acme/shop/builds/7#0190",
        ),
        (
            "CircleCI",
            &[
                ("CIRCLECI", "true"),
                ("CIRCLE_BUILD_URL", "https://circleci.com/gh/acme/shop/7"),
                ("CIRCLE_USERNAME", "ann"),
                ("CIRCLE_SHA1", "c0ffee"),
            ],
            "https://circleci.com/gh/acme/shop/7",
        ),
        (
            "Azure Pipelines",
            &[
                ("TF_BUILD", "True"),
                ("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "https://dev.azure.com/acme/"),
                ("SYSTEM_TEAMPROJECT", "shop"),
                ("BUILD_BUILDID", "7"),
                ("BUILD_REQUESTEDFOR", "ann"),
                ("BUILD_SOURCEVERSION", "c0ffee"),
            ],
            "https://dev.azure.com/acme/shop/_build/results?buildId=7",
        ),
    ];

    #[test]
    fn jobs_are_known_by_the_variables_of_their_ci() {
        for (system, variables, url) in CASES {
            let ci = of(variables).ci.unwrap();
            assert_eq!((ci.system.as_str(), ci.url.as_deref()), (*system, Some(*url)));
            let both = (ci.actor.as_deref(), ci.commit.as_deref());
            assert_eq!(both, (Some("ann"), Some("c0ffee")), "{system}");
        }
    }

    #[test]
    fn without_a_ci_there_are_a_user_and_a_machine() {
        let ann = of(&[("USER", "root"), ("SUDO_USER", "ann"), ("CI_JOB_URL", "https://x")]);
        assert_eq!((ann.user.as_str(), ann.sudo_user.as_deref()), ("root", Some("ann")));
        assert!(ann.ci.is_none() && !ann.host.is_empty());
        let unnamed = of(&[("USER", "")]).user;
        assert!(unnamed == "root" || unnamed.starts_with("uid "), "{unnamed}");
        // A URL with a missing part is omitted.
        let half = of(&[("GITHUB_ACTIONS", "true"), ("GITHUB_SERVER_URL", "https://github.com")]);
        assert_eq!(half.ci.unwrap().url, None);
    }
}
