// Asks Azure, before anything is provisioned, what would fail there only after minutes: whether the regions have what
// the parameters ask for, and whether an earlier attempt left a cache that has to go first. What az cannot be asked is said, and passes.

import { runAz, whyAzFailed, type Az } from './az.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Finding {
  readonly problem: string;
  readonly remedy: string;
}

/** @param environment as `azd env set` would set it: AZURE_LOCATION, DEPLOY_CACHE and the like. */
export async function findings(az: Az, environment: Environment): Promise<readonly Finding[]> {
  const location = environment['AZURE_LOCATION'] ?? '';
  if (location === '') {
    return [{ problem: 'No region is chosen.', remedy: 'azd env set AZURE_LOCATION westeurope' }];
  }
  const checks = [
    flexRegion(az, location, environment['DEPLOY_ZONE_REDUNDANT'] === 'true'),
    nodeVersion(az, location, environment['DEPLOY_NODE_VERSION'] ?? '24'),
  ];
  if ((environment['DEPLOY_CACHE'] ?? 'new') === 'new') {
    checks.push(cacheRegion(az, environment['DEPLOY_CACHE_LOCATION'] ?? location));
    checks.push(failedCaches(az, `rg-${environment['AZURE_ENV_NAME'] ?? ''}`));
  }
  if ((environment['DEPLOY_NETWORK'] ?? 'public') !== 'public') checks.push(appProvider(az));
  return (await Promise.all(checks)).flat();
}

async function flexRegion(az: Az, location: string, zoneRedundant: boolean): Promise<readonly Finding[]> {
  const zones = zoneRedundant ? ['--zone-redundant', 'true'] : [];
  const regions = await az(['functionapp', 'list-flexconsumption-locations', ...zones, '--query', '[].name']);
  if (includesRegion(regions, location)) return [];
  const what = zoneRedundant ? 'zone-redundant Flex Consumption' : 'Flex Consumption';
  const remedy = `azd env set AZURE_LOCATION <region>, one of: ${texts(regions).join(', ')}`;
  return [{ problem: `${location} has no ${what}.`, remedy }];
}

/** A version that the region lacks is taken, and the app never starts. */
async function nodeVersion(az: Az, location: string, version: string): Promise<readonly Finding[]> {
  const options = ['--location', location, '--runtime', 'node', '--query', '[].version'];
  const versions = texts(await az(['functionapp', 'list-flexconsumption-runtimes', ...options]));
  if (versions.some((known) => known.split('.')[0] === version)) return [];
  const remedy = `azd env set DEPLOY_NODE_VERSION <version>, one of: ${versions.join(', ')}; or another region`;
  return [{ problem: `Flex Consumption in ${location} has no Node.js ${version}.`, remedy }];
}

async function cacheRegion(az: Az, location: string): Promise<readonly Finding[]> {
  const query = "resourceTypes[?resourceType=='redisEnterprise'].locations[]";
  const regions = await az(['provider', 'show', '--namespace', 'Microsoft.Cache', '--query', query]);
  if (includesRegion(regions, location)) return [];
  const remedy = `azd env set DEPLOY_CACHE_LOCATION <region>, one of: ${texts(regions).join(', ')}`;
  return [{ problem: `${location} has no Azure Managed Redis.`, remedy }];
}

/** One whose creation failed blocks its name, looks like any other in the portal, and is not repaired by another try. */
async function failedCaches(az: Az, group: string): Promise<readonly Finding[]> {
  if ((await az(['group', 'exists', '--name', group])) !== true) return [];
  const query = "[?provisioningState=='Failed'].id";
  const options = ['--resource-group', group, '--resource-type', 'Microsoft.Cache/redisEnterprise'];
  const ids = texts(await az(['resource', 'list', ...options, '--query', query]));
  return ids.map((id) => ({
    problem: `An earlier attempt left the cache ${id.split('/').at(-1)} in the state "Failed".`,
    remedy: `az resource delete --ids ${id}`,
  }));
}

async function appProvider(az: Az): Promise<readonly Finding[]> {
  const state = await az([
    'provider',
    'show',
    '--namespace',
    'Microsoft.App',
    '--query',
    'registrationState',
  ]);
  if (state === 'Registered') return [];
  return [
    {
      problem: 'The resource provider of the app subnet is not registered in this subscription.',
      remedy: 'az provider register --namespace Microsoft.App --wait',
    },
  ];
}

/** "West Europe" and westeurope are the same. */
function includesRegion(regions: unknown, location: string): boolean {
  const plain = (region: string): string => region.toLowerCase().replaceAll(' ', '');
  return texts(regions).some((region) => plain(region) === plain(location));
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** `NAME=value` arguments go before the environment. */
function withArguments(args: readonly string[], environment: Environment): Environment {
  const pairs = args.map((argument) => /^(\w+)=(.*)$/su.exec(argument));
  if (pairs.includes(null)) {
    console.error('Usage: npm run infra-check -- [AZURE_LOCATION=westeurope ...]');
    process.exit(1);
  }
  return { ...environment, ...Object.fromEntries(pairs.map((pair) => [pair?.[1], pair?.[2]])) };
}

if (import.meta.main) {
  try {
    const found = await findings(runAz, withArguments(process.argv.slice(2), process.env));
    for (const { problem, remedy } of found) console.error(`${problem}\n  ${remedy}`);
    if (found.length > 0) process.exitCode = 1;
    else
      console.log(
        'The regions have what is asked for. Whether there is capacity, only provisioning can tell.',
      );
  } catch (error) {
    // azd needs no az: what cannot be asked must not stop it.
    console.log(`Not checked: ${whyAzFailed(error)}`);
  }
}
