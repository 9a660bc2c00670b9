// How azd reads azure.yaml, and what it refuses to load.

import { satisfies, validRange } from 'semver';
import { parse } from 'yaml';
import { AzdRefusal, followedAzdVersion } from './refusal.ts';

export interface Service {
  readonly name: string;
  /** The service's folder, relative to azure.yaml. */
  readonly project: string;
  readonly language: 'js' | 'ts';
  /** Relative to `project`. */
  readonly dist: string;
  readonly remoteBuild: boolean | undefined;
}

export interface Project {
  readonly name: string;
  readonly service: Service;
}

const parseSource = 'pkg/project/project.go, Parse';
const validateSource = 'pkg/project/validate.go, validateParsedConfig';

/** azd ignores what it does not know, so of the schema only what it goes by is asked for. */
type Mapping = Readonly<Record<string, unknown>>;

/** Loads azure.yaml as azd of the version does. @throws AzdRefusal with the first thing that azd would not take */
export function loadProject(text: string, azdVersion = followedAzdVersion): Project {
  const project = mapping(parseYaml(text), 'azure.yaml');
  checkRequiredVersions(project['requiredVersions'], azdVersion);
  const name = project['name'];
  // Part of the zip's name and of the deployment's; azd itself checks it in `azd init` only.
  if (typeof name !== 'string' || !/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/u.test(name)) {
    throw new AzdRefusal(
      'schemas/v1.0/azure.yaml.json, name',
      `'name' must be lower-case letters, digits and hyphens, and is ${JSON.stringify(name)}.`,
    );
  }
  checkHooks(project['hooks'], 'project');
  checkInfra(project['infra']);
  const services = Object.entries(optionalMapping(project['services'], 'services'));
  const [first, ...others] = services;
  if (first === undefined || others.length > 0) {
    throw new AzdRefusal(parseSource, `One service is expected, and there are ${services.length}.`);
  }
  return { name, service: loadService(...first) };
}

function parseYaml(text: string): unknown {
  if (text.trim() === '') throw new AzdRefusal(parseSource, 'azure.yaml is empty.');
  try {
    return parse(text);
  } catch (error) {
    throw new AzdRefusal(parseSource, `azure.yaml is no YAML: ${(error as Error).message}`);
  }
}

function checkRequiredVersions(required: unknown, azdVersion: string): void {
  const range = optionalMapping(required, 'requiredVersions')['azd'];
  if (range === undefined) return;
  if (typeof range !== 'string' || validRange(range) === null) {
    throw new AzdRefusal(
      parseSource,
      `${JSON.stringify(range)} is no range of versions (requiredVersions.azd).`,
    );
  }
  if (!satisfies(azdVersion, range)) {
    throw new AzdRefusal(
      parseSource,
      `requiredVersions.azd is '${range}', and azd ${azdVersion} is outside of it.`,
    );
  }
}

function checkHooks(hooks: unknown, scope: string): void {
  for (const [name, entries] of Object.entries(optionalMapping(hooks, `hooks of ${scope}`))) {
    for (const hook of Array.isArray(entries) ? (entries as unknown[]) : [entries]) {
      if (hook === null || typeof hook !== 'object') {
        throw new AzdRefusal(
          'pkg/project/validate.go, validateHooks',
          `${scope} hook '${name}' has no definition.`,
        );
      }
      if (!('run' in hook) || typeof hook.run !== 'string') {
        throw new AzdRefusal(
          'pkg/ext/models.go, HookConfig.validate',
          `${scope} hook '${name}' has no 'run'.`,
        );
      }
    }
  }
}

function checkInfra(infra: unknown): void {
  const { hooks, layers } = optionalMapping(infra, 'infra');
  if (hooks !== undefined || layers !== undefined) {
    throw new AzdRefusal(
      'pkg/infra/provisioning/provider.go, Options.Validate',
      "'hooks' and 'layers' of infra are not used here.",
    );
  }
}

const otherLanguages = ['', 'dotnet', 'csharp', 'fsharp', 'py', 'python', 'java', 'go', 'golang', 'docker'];

function loadService(name: string, definition: unknown): Service {
  if (definition === null) throw new AzdRefusal(validateSource, `service '${name}' has an empty definition.`);
  const service = mapping(definition, `service '${name}'`);
  checkHooks(service['hooks'], `service '${name}'`);
  const { host, language = '', project, dist, remoteBuild } = service;
  if (host !== 'function') {
    throw new AzdRefusal(
      'pkg/project/service_target.go, parseServiceHost',
      `service '${name}' must have 'host: function', and has ${JSON.stringify(host)}.`,
    );
  }
  if (typeof language !== 'string') {
    throw new AzdRefusal(parseSource, `service '${name}': 'language' must be text.`);
  }
  if (language === 'custom') {
    throw new AzdRefusal(
      'cmd/container.go, registerCommonDependencies',
      `${name} service is using language 'custom' (alpha) but it is not enabled: every user would have to run "azd config set alpha.language.custom on".`,
    );
  }
  if (language !== 'js' && language !== 'ts') {
    throw new AzdRefusal(
      'pkg/project/service_manager.go, GetFrameworkService',
      otherLanguages.includes(language)
        ? `service '${name}' has the language '${language}', which azd builds without npm: js or ts is expected.`
        : `language '${language}' is not supported by built-in framework services: js or ts is expected.`,
    );
  }
  if (typeof project !== 'string' || project === '') {
    throw new AzdRefusal(
      'schemas/v1.0/azure.yaml.json, function host',
      `service '${name}' has no 'project'.`,
    );
  }
  for (const excluded of ['image', 'docker', 'k8s', 'apiVersion', 'env']) {
    if (excluded in service) {
      throw new AzdRefusal(
        'schemas/v1.0/azure.yaml.json, function host',
        `service '${name}': '${excluded}' does not go with a function host that is deployed as code.`,
      );
    }
  }
  if (dist === undefined || dist === '' || typeof dist !== 'string') {
    throw new AzdRefusal(
      'pkg/project/framework_service_node.go, nodeProject.Package',
      `service '${name}' has no 'dist': azd would deploy the whole folder '${project}', its node_modules included.`,
    );
  }
  if (remoteBuild !== undefined && typeof remoteBuild !== 'boolean') {
    throw new AzdRefusal(parseSource, `service '${name}': 'remoteBuild' must be true or false.`);
  }
  return { name, project, language, dist, remoteBuild };
}

function mapping(value: unknown, what: string): Mapping {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new AzdRefusal(parseSource, `${what} must be a mapping.`);
  }
  return value as Mapping;
}

function optionalMapping(value: unknown, what: string): Mapping {
  return value === undefined || value === null ? {} : mapping(value, what);
}
