//! Creating a container: filling and labelling its body, copying its files, checking its image.
//!
//! Which calls are made, and when, is decided in [`super::act`], not here.

use serde_json::Value as Json;

use super::act::{Acted, StepError};
use super::outcome::Stale;
use super::precheck::gone;
use super::run::Context;
use crate::base::ident::{
    COMPOSE_IMAGE, COMPOSE_SERVICE, ContainerId, ContainerName, LABEL_PLAN, LABEL_RUN,
};
use crate::engine::{EngineError, Writer};
use crate::options::{Body, files};
use crate::plan::{ImagePin, Step, Subject};

impl<W: Writer> Context<'_, W> {
    /// A create body with the labels of the plan and the run. The labels identify the container
    /// later.
    pub(super) fn labelled(&self, body: &Body) -> Body {
        let mut json = body.json().clone();
        json["Labels"][LABEL_PLAN] = self.digest.into();
        json["Labels"][LABEL_RUN] = self.run_id.into();
        Body::from_json(json)
    }

    pub(super) async fn create(&self, step: &Step, name: &ContainerName, pin: &ImagePin) -> Acted {
        let Some(body) = self.bodies.get(&step.id) else {
            return Err(StepError::Failed("there is no create body for this step".to_owned()));
        };
        let mut body = body.clone();
        // No engine takes files in a create call; the files are copied into the container
        // afterwards.
        drop(body.take(files::FIELD));
        let body = &self.of_compose(&body, pin).await.map_err(|error| self.failed(&error))?;
        let filled = self.secrets.fill(&self.labelled(body)).map_err(StepError::Failed)?;
        let id = match self.engine.create(name, &filled).await {
            Ok(created) => {
                self.note_warnings(step, &created.warnings);
                created.id
            }
            Err(error) => {
                let found = self.verify_after_error(step, 0, &error).await?.unwrap_or_default();
                ContainerId::new(found["Id"].as_str().unwrap_or_default())
            }
        };
        self.created.borrow_mut().insert(step.id.clone(), id.clone());
        self.names.borrow_mut().insert(id.clone(), name.clone());
        self.check_created(&id, name, pin).await
    }

    /// Copies the declared files into a created container. After a failed call the files are read
    /// back.
    pub(super) async fn put_files(&self, container: &Subject) -> Acted {
        let id = self.id(container)?;
        let of = |create| Some(self.bodies.get(create)?.json()[files::FIELD].clone());
        let put = match container {
            Subject::CreatedBy(create) => of(create),
            Subject::Container(_) => None,
        };
        let Some(put) = put.filter(Json::is_object) else {
            return Err(StepError::Failed("there are no files for this step".to_owned()));
        };
        let filled = self.secrets.fill(&Body::from_json(put)).map_err(StepError::Failed)?;
        let Err(error) = self.engine.put_files(&id, &filled).await else { return Ok(()) };
        for (path, file) in filled.expose().as_object().into_iter().flatten() {
            let there = self.look_again(|| self.engine.file(&id, path)).await;
            if there.map_err(|silent| self.unclear(&error, &silent))?.as_ref() != Some(file) {
                return Err(self.failed(&error));
            }
        }
        Ok(())
    }

    /// Adds the image label of Compose. Compose reads from this label which image a container was
    /// made from.
    async fn of_compose(&self, body: &Body, pin: &ImagePin) -> Result<Body, EngineError> {
        let mut json = body.json().clone();
        if json["Labels"][COMPOSE_SERVICE].is_string()
            && let Some(id) = self.pinned(pin).await?
        {
            json["Labels"][COMPOSE_IMAGE] = id.as_str().into();
        }
        Ok(Body::from_json(json))
    }

    /// Checks that the new container uses the image that the plan pinned: a tag may have moved
    /// between the look and the call.
    async fn check_created(&self, id: &ContainerId, name: &ContainerName, pin: &ImagePin) -> Acted {
        let pinned = self.pinned(pin).await.map_err(|error| self.failed(&error))?;
        let looked = self.look_again(|| self.engine.inspect(id.as_str())).await;
        let Some(found) = looked.map_err(|error| self.failed(&error))? else {
            return Err(StepError::Stale(gone(id, name)));
        };
        let image = found["Image"].as_str().unwrap_or_default();
        match pinned {
            Some(pinned) if pinned.as_str() == image => Ok(()),
            pinned => {
                let pinned = pinned.map_or_else(|| "the pulled image".to_owned(), |id| id.short());
                let expected = format!("container `{name}` to be made from {pinned}");
                let found = crate::base::ident::short_digest(image);
                Err(StepError::Stale(Stale::new("created_image", expected, found)))
            }
        }
    }
}
