// The `@azure/functions-core` module that the Functions worker supplies to an app through `require`.
// Held to
// https://github.com/Azure/azure-functions-nodejs-worker/blob/v4.x/src/setupCoreModule.ts

import Module from 'node:module';
import type { FunctionMetadata, Invocation, TypedData } from './protocol.ts';

export type FunctionCallback = (...parameters: unknown[]) => unknown;
export type Hook = (context: Record<string, unknown>) => unknown;

export interface CoreInvocationContext {
  readonly invocationId: string;
  readonly request: Omit<Invocation, 'functionName'>;
  readonly metadata: FunctionMetadata;
  state?: 'preInvocationHooks' | 'invocation' | 'postInvocationHooks' | undefined;
  log(level: string, category: string, message: string): void;
}

export interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], callback: FunctionCallback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<{ returnValue?: TypedData | null }>;
}

export interface ProgrammingModel {
  readonly name: string;
  readonly version: string;
  getInvocationModel(context: CoreInvocationContext): InvocationModel;
}

/** What an app has registered. */
export class Registrations {
  readonly functions = new Map<
    string,
    { readonly metadata: FunctionMetadata; readonly callback: FunctionCallback }
  >();
  readonly #hooks = new Map<string, Hook[]>();
  model: ProgrammingModel | undefined;

  addHook(name: string, hook: Hook): void {
    this.#hooks.set(name, [...this.hooks(name), hook]);
  }

  hooks(name: string): readonly Hook[] {
    return this.#hooks.get(name) ?? [];
  }

  removeHook(name: string, hook: Hook): void {
    this.#hooks.set(
      name,
      this.hooks(name).filter((other) => other !== hook),
    );
  }
}

class Disposable {
  readonly #onDispose: () => unknown;

  constructor(onDispose: () => unknown) {
    this.#onDispose = onDispose;
  }

  static from(...disposables: readonly { dispose(): unknown }[]): Disposable {
    return new Disposable(() => disposables.forEach((disposable) => disposable.dispose()));
  }

  dispose(): unknown {
    return this.#onDispose();
  }
}

/** Makes `require('@azure/functions-core')` work in this process, as the worker does. */
export function installCoreModule(registrations: Registrations): void {
  const core = {
    version: '3.12.0',
    hostVersion: '4.0.0',
    Disposable,
    registerHook(name: string, hook: Hook): Disposable {
      registrations.addHook(name, hook);
      return new Disposable(() => registrations.removeHook(name, hook));
    },
    registerFunction(metadata: FunctionMetadata, callback: FunctionCallback): Disposable {
      const { name } = metadata;
      if (registrations.functions.has(name))
        throw new Error(`A function with name "${name}" is registered already.`);
      registrations.functions.set(name, { metadata, callback });
      return new Disposable(() => registrations.functions.delete(name));
    },
    setProgrammingModel(model: ProgrammingModel): void {
      registrations.model = model;
    },
    getProgrammingModel: () => registrations.model,
  };
  // oxlint-disable-next-line typescript/unbound-method -- the proxy passes `this` on
  Module.prototype.require = new Proxy(Module.prototype.require, {
    apply(target, self, parameters: [string]) {
      return parameters[0] === '@azure/functions-core' ? core : Reflect.apply(target, self, parameters);
    },
  });
}
