{{- define "inflight.fullname" -}}
{{- if contains "inflight" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-inflight" (.Release.Name | trunc 31) | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Arguments: root, component. */}}
{{- define "inflight.name" -}}
{{ include "inflight.fullname" .root }}-{{ .component }}
{{- end -}}

{{- define "inflight.selectorLabels" -}}
app.kubernetes.io/name: inflight
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "inflight.labels" -}}
{{ include "inflight.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* Arguments: root, program. */}}
{{- define "inflight.image" -}}
{{- $image := .root.Values.image -}}
{{- $name := printf "%s/%s" $image.repository .program -}}
{{- with $image.registry }}{{ $name = printf "%s/%s" . $name }}{{ end -}}
{{- $digest := get $image.digests .program -}}
{{- if $digest -}}
{{ $name }}@{{ $digest }}
{{- else -}}
{{ $name }}:{{ $image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "inflight.containerSecurityContext" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
readOnlyRootFilesystem: true
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Who the process is in the API, and where it runs. Arguments: root, component, values. */}}
{{- define "inflight.podSpec" -}}
serviceAccountName: {{ include "inflight.name" . }}
# A Service named `autoscaler` or `api` would put AUTOSCALER_PORT or API_PORT into the environment.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "inflight.selectorLabels" $ | nindent 8 }}
{{- end }}
{{- end -}}

{{- define "inflight.podMetadata" -}}
labels: {{- include "inflight.labels" . | nindent 2 }}
{{- with .values.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "inflight.fieldEnv" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
{{- end -}}

{{- define "inflight.nativeSidecar" -}}
{{- if eq (toString .Values.sidecar.native) "auto" -}}
{{ semverCompare ">=1.29-0" .Capabilities.KubeVersion.Version }}
{{- else -}}
{{ .Values.sidecar.native }}
{{- end -}}
{{- end -}}

{{- define "inflight.autoscalerEnv" -}}
{{ include "inflight.fieldEnv" . }}
- name: LOG_LEVEL
  value: {{ .Values.logLevel }}
- name: POD_UID
  valueFrom: {fieldRef: {fieldPath: metadata.uid}}
- name: INFLIGHT_LEASE
  value: {{ include "inflight.name" (dict "root" . "component" "autoscaler") }}
- name: INFLIGHT_ACTIVATOR_SERVICE
  value: {{ include "inflight.name" (dict "root" . "component" "activator") }}
{{- with .Values.autoscaler.workloads }}
- name: INFLIGHT_WORKLOADS
  value: {{ range $i, $kind := . }}{{ if $i }},{{ end }}{{ $kind.resource }}.{{ $kind.group }}{{ end }}
{{- end }}
{{- with .Values.autoscaler.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
