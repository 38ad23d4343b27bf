// nextflow run ldmreg.nf --manifest pairs.csv --output study --options '--model none'
//
// LDMREG_COHORT is a module for other workflows, too:  include { LDMREG_COHORT } from './ldmreg.nf'
// The cohort is one process of Nextflow, which calls the command as a user does: its folder is kept
// outside of Nextflow's work folders, so that a run that was ended goes on with the same call.
nextflow.enable.dsl = 2

params.manifest = null   // table of pairs or of images, or the folder of a BIDS data set
params.output = 'study'
params.options = ''      // of ldmreg cohort, such as '--pairs all-to-all --workers 4'

process LDMREG_COHORT {
    tag "${manifest}"
    container 'ldmreg'
    errorStrategy { task.exitStatus in [130, 137, 140, 143] ? 'retry' : 'finish' }
    maxRetries 3

    input:
    tuple val(manifest), val(output), val(options)

    output:
    path 'table.csv', emit: table
    path 'report.html', emit: page

    script:
    // Exit code 8: some pairs failed; they are in the table, with their reasons.
    """
    ldmreg cohort '${manifest}' --output '${output}' ${options} || [ \$? -eq 8 ]
    cp '${output}/table.csv' '${output}/report.html' .
    """
}

workflow {
    if (!params.manifest) error "name a table with --manifest"
    manifest = file(params.manifest, checkIfExists: true).toAbsolutePath().toString()
    output = file(params.output).toAbsolutePath().toString()
    LDMREG_COHORT(Channel.of([manifest, output, params.options]))
    LDMREG_COHORT.out.page.view { page -> "${params.output}/report.html" }
}
