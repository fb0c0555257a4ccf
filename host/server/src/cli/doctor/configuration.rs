//! Values, components, who does what in a call, and who may use the interface. Nothing is compiled.

use super::finding::{Finding, State};
use crate::access::{API_KEY, Access, PublicAddress};
use crate::config::{Detector, Loaded, Rule};
use crate::personas::{Named, Personas};
use crate::services::{choice, known_components};
use audio::detect::OnnxModel;
use components::Catalogue;
use components::grant::{Grant, Operator, Variant};
use components::manifest::{Kind, Manifest};
use std::collections::BTreeMap;

/// Every key of the interface.
const KEYS: [&str; 5] = [
    API_KEY,
    "CORDBOARD_API_KEY_READ",
    "CORDBOARD_API_KEY_CONTROL",
    "CORDBOARD_API_KEY_CALL",
    "CORDBOARD_API_KEY_COMPONENTS",
];

pub fn examine(loaded: &Loaded) -> Vec<Finding> {
    let read = "read; `cordboard config` prints every value, and where it is from";
    let mut findings = vec![Finding::ok("configuration", read)];
    match Known::read(loaded) {
        Ok(known) => {
            let route = &loaded.config.route;
            findings.push(known.components());
            findings.push(known.role("persona", Kind::Persona, &route.persona));
            for (kind, providers) in
                [(Kind::Stt, &route.stt), (Kind::Llm, &route.llm), (Kind::Tts, &route.tts)]
            {
                findings.extend(providers.0.iter().map(|wanted| known.role(kind.name(), kind, wanted)));
            }
            for (_, name, rule) in loaded.config.rules() {
                findings.extend(known.route(&name, rule));
            }
        }
        Err(error) => {
            let advice = "set this right in cordboard.toml, or in the folder of components";
            findings.push(Finding::wrong("components", format!("{error:#}")).advise(advice));
        }
    }
    findings.push(detector(loaded));
    findings.push(keys(loaded));
    findings
}

struct Known<'a> {
    catalogue: Catalogue,
    /// what ships with the program
    shipped: Catalogue,
    personas: Personas,
    loaded: &'a Loaded,
}

impl<'a> Known<'a> {
    fn read(loaded: &'a Loaded) -> anyhow::Result<Self> {
        let catalogue = Catalogue::read(loaded.config.components.as_deref())?;
        known_components(&loaded.config, &catalogue)?;
        let personas = Personas::read(loaded, &catalogue)?;
        Ok(Self { catalogue, shipped: Catalogue::read(None)?, personas, loaded })
    }

    fn grant(&self, manifest: &Manifest, variant: &Variant) -> anyhow::Result<Grant> {
        let shipped = self.shipped.get(&manifest.id).map(|artifact| &artifact.manifest);
        Ok(Grant::settle_as(manifest, shipped, self.loaded, variant)?)
    }

    /// All that there is, used or not.
    fn components(&self) -> Finding {
        let what = "components";
        let unusable: Vec<String> = self
            .catalogue
            .manifests()
            .filter_map(|manifest| Some(self.grant(manifest, &Variant::default()).err()?.to_string()))
            .collect();
        let found = self.catalogue.manifests().count();
        match unusable.is_empty() {
            true => Finding::ok(what, format!("{found} found")),
            false => Finding::warn(what, format!("{found} found; {}", unusable.join("; "))).advise(
                "it is wrong only where calls use it: set it right in cordboard.toml, or take it out",
            ),
        }
    }

    /// Who would serve the calls of one of `[[routes]]`: what is wrong with any of them, else one word.
    fn route(&self, name: &str, rule: &Rule) -> Vec<Finding> {
        let route = rule.over(&self.loaded.config.route);
        // what it takes from [route] has been told there
        let own_persona = rule.persona.is_some() || !rule.settings.is_empty();
        let roles = [
            (Kind::Persona, own_persona, std::slice::from_ref(&route.persona)),
            (Kind::Stt, rule.stt.is_some(), &route.stt.0[..]),
            (Kind::Llm, rule.llm.is_some(), &route.llm.0[..]),
            (Kind::Tts, rule.tts.is_some(), &route.tts.0[..]),
        ];
        let own = roles.into_iter().filter(|(_, own, _)| *own);
        let each = own.flat_map(|(kind, _, wanted)| wanted.iter().map(move |wanted| (kind, wanted)));
        let found = each.map(|(kind, wanted)| {
            let settings = if kind == Kind::Persona { rule.settings.clone() } else { BTreeMap::new() };
            self.role_with("routes", kind, wanted, &settings).of(&format!("{name}: {kind}"))
        });
        let mut findings: Vec<Finding> = found.filter(|finding| finding.state != State::Ok).collect();
        if findings.is_empty() {
            findings.push(Finding::ok("routes", format!("{name} takes {}", rule.conditions())));
        }
        findings
    }

    /// Who would do this, and whether they have what they need.
    fn role(&self, what: &'static str, kind: Kind, wanted: &str) -> Finding {
        self.role_with(what, kind, wanted, &BTreeMap::new())
    }

    fn role_with(
        &self,
        what: &'static str,
        kind: Kind,
        wanted: &str,
        settings: &BTreeMap<String, toml::Value>,
    ) -> Finding {
        let (id, change) = match choice(kind, wanted, &self.catalogue, self.loaded) {
            Ok(chosen) => chosen,
            Err(error) => {
                return Finding::wrong(what, format!("{error:#}")).advise("set this right in cordboard.toml");
            }
        };
        let Some(id) = id else {
            return match kind {
                Kind::Stt => Finding::warn(what, "none: callers will not be understood without a recogniser")
                    .advise(format!("what changes it: {change}")),
                _ => Finding::wrong(what, "none")
                    .advise("`none` is possible for stt only: name another, or `auto`"),
            };
        };
        let named = match kind {
            Kind::Persona => self.personas.find(&id, settings, &self.catalogue).ok(),
            _ => None,
        };
        let named = named.unwrap_or_else(|| Named { component: id.clone(), variant: Variant::default() });
        let Some(artifact) = self.catalogue.get(&named.component) else {
            let of_kind = self.catalogue.manifests().filter(|manifest| manifest.kind == kind);
            let there: Vec<&str> = of_kind.map(|manifest| manifest.id.as_str()).collect();
            return Finding::wrong(what, format!("there is no component {id:?}"))
                .advise(format!("there are: {}", there.join(", ")));
        };
        let manifest = &artifact.manifest;
        if manifest.kind != kind {
            return Finding::wrong(what, format!("{id} is a {} component", manifest.kind))
                .advise(format!("name a {kind} component in cordboard.toml, under [route]"));
        }
        let grant = match self.grant(manifest, &named.variant) {
            Ok(grant) => grant,
            Err(error) => {
                return Finding::wrong(what, format!("{id}: {error}"))
                    .advise("set this right in cordboard.toml");
            }
        };
        if !grant.refused.is_empty() {
            let advice =
                format!("grant it in cordboard.toml, under [component.{}.grant], if it may", manifest.id);
            return Finding::warn(
                what,
                format!("{id} asks {}, which is not granted", grant.refused.join("; ")),
            )
            .advise(advice);
        }
        let secrets = manifest.secrets.iter().chain(&named.variant.secrets);
        let missing = secrets.map(|secret| secret.name.as_str());
        let missing: Vec<&str> = missing.filter(|name| self.loaded.variable(name).is_none()).collect();
        match missing.is_empty() {
            true => Finding::ok(what, format!("{id} {} (what changes it: {change})", manifest.version)),
            false => Finding::warn(what, format!("{id}, without {}", missing.join(", ")))
                .advise("set it, unless the server at the address that is set for it needs no key"),
        }
    }
}

/// What tells speech from other sounds.
fn detector(loaded: &Loaded) -> Finding {
    let what = "detector";
    let vad = &loaded.config.vad;
    if vad.detector != Detector::Onnx {
        return Finding::none(what, "built in: nothing is needed for it");
    }
    let (Some(library), Some(model)) = (&vad.onnxruntime, &vad.model) else {
        return Finding::wrong(what, "onnx, without its files").advise(
            "set CORDBOARD_ONNXRUNTIME to a libonnxruntime.so and CORDBOARD_SILERO_ONNX to a silero_vad.onnx, \
             or take `vad.detector` out of cordboard.toml",
        );
    };
    match OnnxModel::open(library, model) {
        Ok(_) => Finding::ok(what, format!("{} on {}", model.display(), library.display())),
        Err(error) => {
            Finding::wrong(what, error.to_string()).advise("set the paths right, or use the one built in")
        }
    }
}

/// Who may place calls, see them and take a hand in them.
fn keys(loaded: &Loaded) -> Finding {
    let what = "keys of the interface";
    let public = loaded.config.server.public_url.as_deref();
    if public.is_some_and(|url| PublicAddress::parse(url).is_err()) {
        return Finding::none(what, "not looked at before PUBLIC_URL is right");
    }
    // says what is wrong with a key, and never which it is
    if let Err(error) = Access::set_up(loaded) {
        return Finding::wrong(what, format!("{error:#}"))
            .advise("the server will not start before this is right");
    }
    let has = |name: &&str| loaded.variable(name).is_some();
    let there: Vec<&str> = KEYS.into_iter().filter(has).collect();
    let account = ["TWILIO_AUTH_TOKEN", "TWILIO_API_KEY"].iter().any(has);
    match (there.is_empty(), account) {
        (false, _) => Finding::ok(what, there.join(", ")),
        (true, true) => Finding::warn(what, "none: calls can be placed, seen and controlled by nobody")
            .advise(format!("set {API_KEY}; `openssl rand -hex 24` makes one")),
        (true, false) => Finding::none(what, "none; without Twilio's credentials this machine needs none"),
    }
}
